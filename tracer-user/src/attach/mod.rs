//! Getting the probes into the kernel, and out again.
//!
//! [`object`] loads the eBPF object with the settings and sizes of [`loading`]; [`Tracepoints`] are
//! what it needs beside probes; [`attacher`] gets functions attached by one of the kernel's
//! mechanisms: [`session`] or [`pair`]; [`Marks`] are events of the kernel; [`count`] attaches
//! roots whose calls are only counted; [`controls`] says when root calls begin and how it goes.
//! Everything is held by file descriptors: whatever becomes of the process, the kernel takes the
//! probes away with it.

pub mod attacher;
pub mod background;
mod buckets;
pub mod controls;
pub mod count;
pub mod decide;
mod error;
mod fields;
mod followed;
pub mod loading;
mod many;
mod marks;
mod memory;
mod misses;
pub mod object;
mod object_error;
mod observer;
pub mod pair;
mod probe;
pub mod profile;
mod programs;
mod put;
mod role;
pub mod session;
mod side;
mod strings;
mod tracepoints;

pub use attacher::{Attacher, LoadedPair};
pub use controls::{Controls, Counters};
pub use error::AttachError;
pub use fields::FieldTables;
pub use followed::{Followed, List};
pub use marks::Marks;
pub use misses::skipped;
pub use object::Object;
pub use object_error::ObjectError;
pub use observer::Observer;
pub use pair::Pair;
pub use probe::Probe;
pub use role::Role;
pub use side::Side;
pub use strings::Strings;
pub use tracepoints::Tracepoints;
