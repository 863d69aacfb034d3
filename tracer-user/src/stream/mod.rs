//! From the per-CPU rings to batches of typed events.
//!
//! [`rings`] waits until a ring has something and copies each batch out once, as [`bytes::Bytes`];
//! [`batch`] checks it and reads its events in place.

pub mod batch;
mod position;
pub mod rings;

pub use batch::{Batch, BatchError};
pub use rings::{Rings, Turn};
