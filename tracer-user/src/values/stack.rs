//! The stack of a process as it reads: each frame by the name of its place, or as an address where
//! the process was gone before it could be asked.

use std::fmt::{self, Display, Formatter};

use crate::model::UserPlace;

/// A frame of a process's stack.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UserFrame<'a> {
    /// Its address.
    pub address: u64,
    /// What is there, if that is known.
    pub place: Option<&'a UserPlace>,
}

impl Display for UserFrame<'_> {
    fn fmt(&self, out: &mut Formatter<'_>) -> fmt::Result {
        match self.place {
            Some(place) => place.fmt(out),
            None => write!(out, "{:#x}", self.address),
        }
    }
}

/// Why a stack says less than it could; nothing if it does not.
#[must_use]
pub fn why_short(frames: &[UserFrame<'_>]) -> Option<&'static str> {
    match frames {
        [] => Some("none: the task is the kernel's own"),
        _ if frames.iter().all(|frame| frame.place.is_none()) => {
            Some("no names: the process had ended, or executed another program")
        }
        [_] => Some("no frame above: the code there keeps no frame pointer"),
        _ => None,
    }
}
