//! What a probe knows of the call that it sees, before it asks whose it is.
//!
//! `site` is the call by whichever mechanism, `session` which end of it, `context` what the CPU
//! runs for, `trampoline` whether the mechanism itself made the call.

pub mod context;
pub mod session;
mod site;
pub mod trampoline;

pub use site::{ProbeSite, Site, TrampolineSite};
