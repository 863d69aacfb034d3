//! What a function is to a trace.

use tracer_common::placeholder;

/// What its probes do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// It opens root calls.
    Root,
    /// It opens root calls, and its arguments say which, or have fields that are recorded.
    RootWithFields,
    /// It is recorded inside root calls only.
    Callee,
    /// It is recorded inside root calls only, with fields of its arguments.
    CalleeWithFields,
    /// It is recorded inside root calls only, and not where a trampoline calls it for a probe.
    Shared,
    /// It is not recorded, and nothing below it is.
    Excluded,
    /// Its probes do nothing: what the kernel's own part costs is measured with them.
    Nothing,
    /// Its probes put an event of its own into the ring, without a gate: what tracer's batches save
    /// is measured with them.
    Reserving,
}

impl Role {
    /// The role of a function that has fields.
    pub(super) const fn with_fields(self) -> Self {
        match self {
            Self::Root => Self::RootWithFields,
            Self::Callee => Self::CalleeWithFields,
            other => other,
        }
    }

    /// Whether it opens root calls.
    pub(super) const fn is_root(self) -> bool {
        matches!(self, Self::Root | Self::RootWithFields)
    }

    /// What of the tables of fields its programs heed, see [`placeholder::FIELDS`].
    pub(super) const fn heeds(self) -> u64 {
        match self {
            Self::RootWithFields => placeholder::READS_FIELDS | placeholder::TESTS_FIELDS,
            Self::CalleeWithFields => placeholder::READS_FIELDS,
            _ => 0,
        }
    }
}
