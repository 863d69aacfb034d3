//! From events back to calls.
//!
//! Batches of one task may arrive out of order (it migrated: two rings) or not at all (a ring was
//! full). [`Rebuilder`] puts them in order by their sequence numbers and feeds each root call's
//! events to a [`builder::Builder`], which pairs entries with exits. What is missing becomes a mark
//! in the tree where it happened; what follows is never shifted. [`events`] is the way back.
//!
//! Rings and files may bring anything. Nothing here recurses over what they bring, and all that is
//! kept of it has a limit ([`limits`], [`waiting`]).

pub mod attached_late;
pub mod batch;
pub mod builder;
pub mod callers;
mod cut;
mod depth;
mod details;
pub mod events;
mod growing;
pub mod limits;
mod marks;
mod open;
mod open_roots;
pub mod rebuild;
mod stacks;
mod waiting;

pub use attached_late::AttachedLate;
pub use batch::{Batch, BatchError};
pub use rebuild::Rebuilder;
