//! What happens at a probe: gate, guard, event.
//!
//! A callee of a task that is interrupted by nothing takes the fast path (`fast`), all else the
//! slow one (`slow`); a root begins or ends a root call besides (`root`).

pub mod fast;
pub mod root;
pub mod slow;
