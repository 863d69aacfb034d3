//! What runs under a root, sampled with the kernel's own function tracer.

mod function_tracer;
mod hits;
mod instance;
mod learner;
mod looker;
mod message;
mod ring_page;
mod serve;

use function_tracer::FunctionTracer;
pub use function_tracer::{FunctionHit, LearningError, has_task};
pub use learner::Learner;
pub use looker::{ACTION, Looker};
pub use serve::serve;
