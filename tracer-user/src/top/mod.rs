//! `tracer top`: a trace on the screen while it goes on, or a recording.
//!
//! [`state`] knows everything and needs neither kernel nor terminal: calls, keys and time go in, a
//! picture comes out. [`tree`] is the merged call tree with its rows, [`sort`] their order,
//! [`numbers`] the sums of a path, [`clock`] its times, [`page`] what of it is on the screen,
//! [`pattern`] what is searched for, [`keys`] says what a key does, [`draw`] makes the picture,
//! [`save`] a recording of what is on it. [`terminal`] takes the terminal and gives it back,
//! [`stderr`] keeps what is said meanwhile, [`screen`] draws and reads keys on a thread of its own.
//! [`run`] stands where other commands print ([`crate::model::Sink`]).
//!
//! A picture is made ten times a second at most, between two passes over the rings, and never waits
//! for the terminal.

mod clock;
pub mod draw;
pub mod keys;
mod numbers;
mod page;
mod pattern;
pub mod run;
pub mod save;
mod screen;
mod sort;
pub mod state;
mod stderr;
pub mod terminal;
pub mod tree;

pub use draw::draw;
pub use run::Top;
pub use state::{Origin, State, Wish};
