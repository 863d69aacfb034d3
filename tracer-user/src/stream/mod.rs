//! From the per-CPU rings to batches of typed events.
//!
//! [`rings`] waits until a ring has something and copies each batch out once, as [`bytes::Bytes`];
//! [`crate::graph::batch`] checks it and reads its events in place.

mod position;
pub mod rings;

pub use rings::{Rings, Turn};
