//! What is recorded of a call besides its two ends, what of it is not, and what is counted of it
//! instead.

pub mod details;
pub mod excluded;
pub mod fields;
pub mod process;
pub mod profile;
pub mod stack;
