//! Root calls: which begin, how they end, and which are dropped then.
//!
//! `callers` and `followed` say whose are traced, `condition` and `decide` which of those that have
//! returned; `sample` one of how many; `missed` finds those whose exit was not seen.

pub mod callers;
pub mod condition;
pub mod decide;
pub mod ends;
pub mod followed;
pub mod missed;
pub mod sample;
