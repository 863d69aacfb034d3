//! From rebuilt calls to what the user reads. Writers know the graph and the function table, nothing else.

pub mod ftrace;
pub mod value;

use std::io;

use crate::graph::RootCall;

/// Writes root calls in some form.
pub trait Form {
    /// Writes what stands before the first one.
    fn begin(&mut self) -> io::Result<()>;

    /// Writes one.
    fn root_call(&mut self, call: &RootCall) -> io::Result<()>;

    /// Makes sure that what was written is out.
    fn flush(&mut self) -> io::Result<()>;

    /// Writes what stands behind the last one, and makes sure that all is out.
    fn end(&mut self) -> io::Result<()>;
}

/// Writes nothing: for a trace that is only recorded.
#[derive(Clone, Copy, Debug, Default)]
pub struct Nothing;

impl Form for Nothing {
    fn begin(&mut self) -> io::Result<()> {
        Ok(())
    }

    fn root_call(&mut self, _: &RootCall) -> io::Result<()> {
        Ok(())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }

    fn end(&mut self) -> io::Result<()> {
        Ok(())
    }
}
