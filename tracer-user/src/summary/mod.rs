//! Many root calls as few numbers.
//!
//! [`report`] sums up each function, [`latency`] says how long root calls take ([`histogram`]),
//! [`merged`] lays the trees of all root calls over each other, [`calltree`] does so below one
//! function, [`diff`] compares two recordings ([`paths`]), [`explain`] the slow or failed root
//! calls of one with the others, [`flame`] makes bars of merged trees, [`frames`] puts the stack
//! above a root around it, [`exemplars`] keeps the calls that are worth reading, [`recent`] keeps
//! those of the last minute, [`log_histogram`] is a histogram for the eye, [`overview`] does all
//! that a page shows at once, [`table`] prints such numbers in columns. What collects is a
//! [`crate::model::Sink`] like those that print, so a summary sees what the filter lets through and
//! nothing else.

pub mod calltree;
pub mod diff;
pub mod exemplars;
pub mod explain;
pub mod flame;
pub mod frames;
pub mod histogram;
pub mod latency;
pub mod log_histogram;
pub mod merged;
pub mod overview;
pub mod paths;
pub mod recent;
pub mod report;
mod row;
pub mod table;

use std::io::{self, Write};

use crate::model::{RootCall, Sink, Trees};

pub use calltree::CallTree;
pub use diff::{Change, Changed, Changes, Diff, Side};
pub use exemplars::{Exemplar, Exemplars};
pub use explain::{Condition, Durations, Explain};
pub use flame::{Bar, Flame};
pub use frames::Framed;
pub use latency::{Arrangement, Empty, Latency, LatencyLayout, RowValue};
pub use merged::{Counted, Merged, Path, Place, Sums};
pub use overview::Overview;
pub use recent::Recent;
pub use report::{GroupBy, Report, SortBy};

/// Takes root calls one by one, and is asked for its result in the end.
pub trait Collect {
    /// How much of root calls it looks at.
    fn wants(&self) -> Trees {
        Trees::Whole
    }

    /// Takes one.
    fn add(&mut self, call: &RootCall);
}

/// Collects while the trace goes on, and writes the result when it ends.
pub struct AtTheEnd<C, W, F> {
    collector: C,
    out: W,
    write: F,
}

impl<C, W, F> AtTheEnd<C, W, F> {
    /// `write` writes what was collected to `out`.
    pub const fn new(collector: C, out: W, write: F) -> Self {
        Self {
            collector,
            out,
            write,
        }
    }
}

impl<C: Collect, W: Write, F: Fn(&C, &mut W) -> io::Result<()>> Sink for AtTheEnd<C, W, F> {
    fn wants(&self) -> Trees {
        self.collector.wants()
    }

    fn begin(&mut self) -> io::Result<()> {
        Ok(())
    }

    fn root_call(&mut self, call: &RootCall) -> io::Result<()> {
        self.collector.add(call);
        Ok(())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }

    fn end(&mut self) -> io::Result<()> {
        (self.write)(&self.collector, &mut self.out)?;
        self.out.flush()
    }
}

/// Lets what collects stand where something prints.
pub struct Collecting<'a, C>(pub &'a mut C);

impl<C: Collect> Sink for Collecting<'_, C> {
    fn wants(&self) -> Trees {
        self.0.wants()
    }

    fn begin(&mut self) -> io::Result<()> {
        Ok(())
    }

    fn root_call(&mut self, call: &RootCall) -> io::Result<()> {
        self.0.add(call);
        Ok(())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }

    fn end(&mut self) -> io::Result<()> {
        Ok(())
    }
}
