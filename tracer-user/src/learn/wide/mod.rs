//! A trace that begins with probes on all functions.
//!
//! Where the kernel attaches many functions at once, a trace is *wide* at first: all functions have
//! probes, so the first root call is whole, whatever it does. [`Seen`] keeps what root calls bring.
//! Once that is nothing new, the trace is *narrowed* ([`Narrowing`]): another set of probes, of
//! what was seen and what that calls, goes in by the mechanism with the cheapest calls, new root
//! calls belong to it, and the wide set goes. From time to time the trace is wide again for a
//! moment, so that a path that was never taken before is found.
//!
//! What it guarantees: each root call is recorded by one set of probes from its entry to its exit
//! ([`tracer_common::generation`]), so a change loses nothing and doubles nothing.

mod again;
mod attaching;
mod choice;
mod narrower;
mod narrowing;
mod probe_cost;
mod programs;
mod seen;
pub(crate) mod sets;
mod start;

pub use again::Again;
pub use attaching::Attaching;
pub use narrowing::Narrowing;
pub use probe_cost::{Compared, ProbeCost};
pub use programs::Programs;
pub use seen::{Counts, Seen};
pub use sets::{Calls, Sets, Width};
pub use start::{Host, Start};
