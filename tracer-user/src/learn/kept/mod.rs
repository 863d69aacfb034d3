//! What was learned of a root, kept for the next trace.

mod cache;

pub use cache::{Cache, CacheError, Hits, Unfit};
