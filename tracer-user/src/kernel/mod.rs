//! What the running kernel says about itself: its symbols, its types, its text, what it can trace.
//!
//! Everything here reads; nothing here decides. The plan takes these facts and decides what to
//! attach to. Each source stands in a file of its own, can be parsed from bytes without a kernel
//! (which is how it is tested), and turns whatever is damaged or missing into a typed error that
//! says what to do.

pub mod btf;
pub mod cgroup;
pub mod facts;
pub mod file_identity;
pub mod gfp;
mod halves;
pub mod haste;
pub mod kcore;
#[cfg(test)]
mod made_up;
pub mod mechanism;
pub mod modules;
mod names;
pub mod numbers;
mod preemption;
pub mod programs;
pub mod running;
mod sites;
pub mod switch;
pub mod symbols;
pub mod system_calls;
pub mod tested;
pub mod text;
pub mod trace_events;
pub mod traceable;
pub mod tracefs;
pub mod user_symbols;

pub use crate::arch::Address;
pub use mechanism::{Mechanism, Mechanisms, NoSuchMechanism};
pub use running::{Kernel, KernelError, PreemptCount};
