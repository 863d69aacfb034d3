//! Many root calls as few numbers.
//!
//! [`merged`] lays the trees of all root calls over each other: each path from a root down, how often it was taken and how long it
//! took. Folded stacks, merged call trees and comparisons are made of it.

pub mod merged;

pub use merged::{Merged, Path, Sums};
