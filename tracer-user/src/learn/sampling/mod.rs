//! What runs under a root, sampled with the kernel's own function tracer.
//!
//! A function tracer sees every traceable function, also those that only pointers lead to, and says
//! for each hit who called it. It is used in *sampling windows* alone, of a second at most, limited
//! to the tasks in question; never for the trace itself. For a window the kernel patches the entry
//! of every function, which is felt on a slow machine, so this is done only where no probe can do
//! it: where there are pairs alone, or where the trace must not be wide.
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

pub use error::SamplingError;
use function_tracer::FunctionTracer;
pub use hit::FunctionHit;
pub use learner::Learner;
pub use sampler::{ACTION, Sampler};
pub use serve::{NAME, serve};
