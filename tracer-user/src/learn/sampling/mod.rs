//! What runs under a root, sampled with the kernel's own function tracer.
//!
//! A function tracer sees every traceable function, also those that only pointers lead to, and says
//! for each hit who called it. It is used in *sampling windows* alone, of a second at most, limited
//! to the tasks in question; never for the trace itself. For a window the kernel patches the entry
//! of every function, which is felt on a slow machine, so this is done only where no probe can do
//! it: where there are pairs alone, or where the trace must not be wide.
//!
//! The kernel switches the function tracer off for nobody: a tracefs instance outlives the process
//! that made it. So it is not used in a PID namespace ([`is_skipped`]), whose processes may all be
//! killed at once; and what stays when a whole cgroup is killed records no more, and is removed by
//! the next trace ([`remove_left`]).
//!
//! A process of its own does it ([`Sampler`], [`serve`]), in a tracefs instance
//! ([`FunctionTracer`]) whose records [`hits`] decodes. [`Learner`] says which of them belong to a
//! root.

mod error;
mod function_tracer;
mod hit;
mod hits;
mod instance;
mod learner;
mod message;
mod ring_page;
mod sampler;
mod serve;

use crate::kernel::numbers;

pub use error::SamplingError;
use function_tracer::FunctionTracer;
pub use hit::FunctionHit;
pub use instance::{left, remove_left};
pub use learner::Learner;
pub use sampler::{ACTION, Sampler};
pub use serve::serve;

/// Whether the function tracer must not be used, because nobody may be left to switch it off: in a
/// PID namespace that is not the initial one. The user is told.
#[must_use]
pub fn is_skipped() -> bool {
    let is_skipped = numbers::namespace().is_some();
    if is_skipped {
        eprintln!(
            "tracer: this is a PID namespace, and the function tracer is not used here: it would \
             stay on if all that runs in it were killed at once. So nothing is sampled; run tracer \
             with the host's processes (--pid=host) to have that"
        );
    }
    is_skipped
}
