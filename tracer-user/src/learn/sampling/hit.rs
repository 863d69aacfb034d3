//! One record of the function tracer.

use tracer_common::Context;

use crate::kernel::Address;

/// A function was entered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FunctionHit {
    /// The CPU it ran on.
    pub cpu: u32,
    /// The task (what the kernel calls pid), in the initial PID namespace.
    pub tid: u32,
    /// By the clock of events (`CLOCK_MONOTONIC`), ns.
    pub time_ns: u64,
    /// What the CPU did it for. A soft interrupt may well run on behalf of the task: loopback
    /// receives in one.
    pub context: Context,
    /// An address within the function: its patched call.
    pub function: Address,
    /// An address within the caller: where the function returns to.
    pub parent: Address,
}
