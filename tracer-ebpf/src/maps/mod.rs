//! All that the programs keep, and how they reach it.
//!
//! `setting` is what userspace has decided, `shared` what it decides while they run; `state` is
//! what is kept of a task, `cpu` of a CPU; `tables` are the maps. Nothing here knows what it is
//! for.

mod cpu;
mod number;
mod setting;
mod shared;
mod state;
mod tables;

pub use cpu::*;
pub use number::*;
pub use setting::*;
pub use shared::*;
pub use state::*;
pub use tables::*;
