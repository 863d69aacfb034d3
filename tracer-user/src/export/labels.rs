//! Labels of the metrics, of calls that are streamed and of those that the kernel counts.

use prometheus_client::encoding::EncodeLabelSet;

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(super) struct RootLabel {
    /// The root's name.
    pub(super) root: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(super) struct Failed {
    /// The root's name.
    pub(super) root: String,
    /// The error's.
    pub(super) error: &'static str,
}
