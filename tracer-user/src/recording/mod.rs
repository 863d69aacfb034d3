//! A trace kept in a file, to be printed, summed up and compared later, and elsewhere.
//!
//! What is kept is what the graph is made of, not the graph: every batch as it came out of the
//! rings, in that order, and the word that the rings had been read once more. So whatever can be
//! asked of a live trace after the fact can be asked of a recording, by the same code. [`form`]
//! says what is kept, [`columns`] brings events into a shape that compresses well and [`steps`]
//! back, [`frame`] puts it on disk so that every frame stands for itself, [`writer`] writes,
//! [`reader`] reads, [`file`] says who may. [`recorder`] records a trace while it goes on, to files
//! ([`target`]) or to memory ([`flight`]); [`opened`] and [`learning`] read one for a replay, and
//! [`split`] makes several of one. [`RootCalls`] is for other programs.
//!
//! A frame that has been written stays readable whatever happens to those around it: it has a mark
//! to find it by, its length, a checksum, and all that is needed to understand it. A file that was
//! cut, or damaged in the middle, loses the frames that are hit, and the reader says which bytes
//! those were. The form is described in docs/recording.md.

pub mod columns;
pub mod file;
mod flight;
pub mod form;
pub mod frame;
mod learning;
mod opened;
pub mod reader;
mod recorder;
mod root_calls;
mod rotation;
pub mod split;
pub mod steps;
mod sums;
pub mod target;
pub mod writer;

pub use form::{Counters, Data, End, Ending, Frame, Head, Hits, Known, Missed};
pub use learning::Learning;
pub use opened::{Readable, Recording};
pub use reader::{Damage, Piece, Reader, RecordingError};
pub use recorder::Recorder;
pub use root_calls::RootCalls;
pub use writer::Writer;
