//! From rebuilt calls to what the user reads. Writers know the graph and the function table, nothing else.

pub mod ftrace;
pub mod value;
