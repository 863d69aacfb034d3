//! With how many probes root calls were recorded.

/// How the root calls of a trace were recorded that was wide at first.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct WideCalls {
    /// With probes on all functions.
    pub wide: u64,
    /// With probes on what was known to run.
    pub narrowed: u64,
    /// Open when their set of probes went: exits in them may be missing.
    pub cut: u64,
}
