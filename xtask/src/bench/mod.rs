//! `cargo xtask bench`: what tracing costs the traced machine.
//!
//! The cost of a call is counted in guest instructions, in a machine of one CPU whose clock is the
//! number of instructions (`-icount`), so it is the same from run to run whatever the host does.
//! Beside tracer's stand the floor (probes on the same functions that do nothing), the kernel's
//! function_graph, and bpftrace with fentry and fexit. Times of attaching are the guest's clock, in
//! a machine without that.

mod command;
mod figures;

pub use command::{BenchArgs, main};
