//! From rebuilt calls to what the user reads, in one of several forms. Writers know the graph and
//! the function table, nothing else, so each form is there for a live trace and for a recording
//! alike.

pub mod callgraph;
pub mod chrome;
pub mod csv;
pub mod firefox;
pub mod folded;
pub mod ftrace;
pub mod function;
pub mod json;
pub mod page;
pub mod parquet;
pub mod perfetto;
pub mod pprof;
pub mod stuck;
pub mod svg;
pub mod trace_dat;

use std::io;

use crate::model::{RootCall, Sink, Trees};

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
    /// Time and calls of each path for pprof; written at the end
    Pprof,
    /// A profile for profiler.firefox.com; written at the end
    Firefox,
    /// Who calls whom as a graph for Graphviz; written at the end
    Dot,
    /// The same for Mermaid; written at the end
    Mermaid,
    /// The file of trace-cmd and KernelShark; written at the end
    TraceDat,
}

/// Writes nothing: for a trace that is only recorded.
#[derive(Clone, Copy, Debug, Default)]
pub struct Nothing;

impl Sink for Nothing {
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
