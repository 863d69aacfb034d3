//! Where finished root calls go: what prints, sums up, shows and sends them is a [`Sink`].

use std::io;

use super::{OpenRootCall, RootCall, Trees, Untraced};

/// Takes finished root calls, one after the other.
pub trait Sink {
    /// How much of root calls it looks at. What nothing looks at is not kept.
    fn wants(&self) -> Trees {
        Trees::Whole
    }

    /// Writes what stands before the first one.
    fn begin(&mut self) -> io::Result<()>;

    /// Writes one.
    fn root_call(&mut self, call: &RootCall) -> io::Result<()>;

    /// Writes, after the last one, what ran below root calls and is in none of them. Forms of data
    /// have no place for what is of no root call: there it is in the summary alone.
    fn untraced(&mut self, _: &Untraced) -> io::Result<()> {
        Ok(())
    }

    /// Whether it is about to show root calls that are open.
    fn wants_open(&self) -> bool {
        false
    }

    /// Root calls that are open now, those that have been for the longest first: all, or
    /// [`super::MOST_OPEN_SHOWN`].
    fn open_calls(&mut self, _: Vec<OpenRootCall>) {}

    /// Makes sure that what was written is out.
    fn flush(&mut self) -> io::Result<()>;

    /// Writes what stands after the last one, and makes sure that all is out.
    fn end(&mut self) -> io::Result<()>;
}
