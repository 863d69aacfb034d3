//! A trace from beginning to end: learn, plan, attach, stream, print, detach.
//!
//! The order keeps two promises. Roots are attached last, so a root call that is recorded has all its
//! callees; they are detached first, so that nothing new begins while the rest is read. Whatever ends
//! the trace (a signal, the time, the number of calls, the command, a closed pipe), what has been
//! captured is written before anything else is done.

pub mod callers;
mod command;
mod learning;
mod printer;
mod probes;
mod run;
mod stop;
mod tell;

pub use callers::Callers;
pub use learning::{Learned, learn};
pub use run::{Options, Outcome, run};
pub use stop::Stop;
