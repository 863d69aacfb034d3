//! The task that runs here, and its state while it is inside a root.
//!
//! `gate` says whether it is; `slots` finds its state, `parked` keeps what matters of it while it
//! sleeps. In the state are the open calls (`calls`), the events on their way to the ring
//! (`buffers`), and who is at work (`busy`).

pub mod buffers;
pub mod busy;
pub mod calls;
pub mod current;
pub mod gate;
pub mod parked;
pub mod slots;
