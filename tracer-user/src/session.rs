//! A trace from beginning to end: learn, plan, attach, stream and grow, print, detach.
//!
//! The order keeps two promises. Root calls begin when all is attached, so one that is recorded has
//! all the callees that were known by then; none begins after the end, and those that are open are
//! waited for a moment before anything is detached. Whatever ends the trace (a signal, the time,
//! the number of calls, the end of the command or of the processes that were named, a closed pipe),
//! what has been captured is written before anything else is done.

mod attached;
pub mod budget;
pub mod callers;
mod command;
mod counting;
mod ending;
mod found;
mod head;
mod limits;
mod options;
mod prepared;
mod probes;
mod processes;
mod profiling;
mod resolved;
mod run;
mod silent;
mod streaming;
mod tasks;
mod tell;
mod trace;
mod user_frames;
mod whose;

pub use callers::CallerOptions;
pub use command::{Begin, Streams};
pub use counting::NotCounted;
pub use limits::FileLimit;
pub use options::{Discovery, MakeView, Options, Outputs, Stays, USUAL_LEARN};
pub use run::run;
