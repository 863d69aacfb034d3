//! From rebuilt calls to what the user reads, in one of several forms. Writers know the graph and
//! the function table, nothing else, so each form is there for a live trace and for a recording
//! alike.

pub mod callers;
pub mod chrome;
pub mod csv;
pub mod escape;
pub mod folded;
pub mod ftrace;
pub mod function;
pub mod json;
pub mod page;
pub mod parquet;
pub mod perfetto;
pub mod svg;
pub mod value;

use std::io;

use crate::{
    graph::{RootCall, Trees},
    learn::growth::Untraced,
};

/// The forms that can be chosen.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub enum Format {
    /// The text of the kernel's function_graph
    #[default]
    Ftrace,
    /// A line for each entry, as the kernel's function tracer prints it
    Function,
    /// A JSON object for each root call, one a line
    Json,
    /// Trace events for chrome://tracing and ui.perfetto.dev
    Chrome,
    /// Perfetto's packets for ui.perfetto.dev and its trace processor
    Perfetto,
    /// Folded stacks with the time of their own in ns, for flame graphs; written at the end
    Folded,
    /// A flame graph as an SVG file; written at the end
    Svg,
    /// A row of comma-separated values for each call
    Csv,
    /// The same rows as a Parquet file; complete when the trace has ended
    Parquet,
}

/// Writes root calls in some form.
pub trait Form {
    /// How much of root calls it looks at. What nothing looks at is not kept.
    fn wants(&self) -> Trees {
        Trees::Whole
    }

    /// Writes what stands before the first one.
    fn begin(&mut self) -> io::Result<()>;

    /// Writes one.
    fn root_call(&mut self, call: &RootCall) -> io::Result<()>;

    /// Writes, behind the last one, what ran below root calls and is in none of them. Forms of data
    /// have no place for what is of no root call: there it is in the summary alone.
    fn untraced(&mut self, _: &Untraced) -> io::Result<()> {
        Ok(())
    }

    /// Makes sure that what was written is out.
    fn flush(&mut self) -> io::Result<()>;

    /// Writes what stands behind the last one, and makes sure that all is out.
    fn end(&mut self) -> io::Result<()>;
}

/// Writes nothing: for a trace that is only recorded.
#[derive(Clone, Copy, Debug, Default)]
pub struct Nothing;

impl Form for Nothing {
    fn wants(&self) -> Trees {
        Trees::Roots
    }

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
