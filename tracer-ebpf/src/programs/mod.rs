//! What the programs of `main` do, by mechanism and by what they serve; and the programs of
//! `tracer latency` (`count`) and of the benchmarks (`nothing`, `reserving`).

pub mod count;
pub mod kprobe;
pub mod mark;
pub mod nothing;
pub mod pair;
pub mod reserving;
pub mod session;
pub mod switch;
