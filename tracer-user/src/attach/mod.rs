//! Getting the probes into the kernel, and out again.
//!
//! [`object`] loads the eBPF object with its settings and rings; [`pair`] attaches one fentry and one
//! fexit program per function; [`controls`] says when root calls begin and how it goes. Everything is held by file descriptors: whatever becomes of the process, the kernel
//! takes the probes away with it.

pub mod controls;
pub mod object;
pub mod pair;

pub use controls::Controls;
pub use object::{Object, ObjectError};
pub use pair::{AttachError, Pair, Role};
