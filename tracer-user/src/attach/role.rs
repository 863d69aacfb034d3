//! What a function is to a trace.

/// What its probes do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// It opens root calls.
    Root,
    /// It is recorded inside root calls only.
    Callee,
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
