//! What of a trace is shown, and how: what can be chosen while it runs, and again when it is
//! replayed.

use std::{
    io::{BufWriter, Write},
    time::Duration,
};

use crate::{
    filter::{Filter, select::Selection},
    model::{Capture, FunctionTable, Sink},
    output::{
        Format, Nothing, callgraph,
        chrome::ChromeWriter,
        csv::CsvWriter,
        firefox::Firefox,
        folded,
        ftrace::{self, FtraceWriter},
        function::FunctionWriter,
        json::JsonWriter,
        parquet::ParquetWriter,
        perfetto::PerfettoWriter,
        pprof, svg,
        trace_dat::TraceDat,
    },
    summary::{AtTheEnd, Framed, GroupBy, Latency, LatencyLayout, Merged, Report, SortBy},
};

/// What becomes of root calls.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shown {
    /// Each is printed.
    Each(Format),
    /// How long they took is printed at the end.
    Latency(LatencyLayout),
    /// Each function in numbers is printed at the end.
    Profile {
        /// What comes first.
        sort: SortBy,
        /// What is told apart beside the functions.
        group_by: Option<GroupBy>,
        /// What has been counted so far is written again and again after this time.
        interval: Option<Duration>,
    },
}

impl Shown {
    /// Whether what is written is no text.
    #[must_use]
    pub const fn is_binary(self) -> bool {
        matches!(
            self,
            Self::Each(Format::Perfetto | Format::Parquet | Format::Pprof | Format::TraceDat)
        )
    }
}

impl Default for Shown {
    fn default() -> Self {
        Self::Each(Format::default())
    }
}

/// What the user wants to see.
#[derive(Clone, Debug, Default)]
pub struct Show {
    /// What is recorded of calls, or taken of a recording.
    pub capture: Capture,
    /// Which root calls, and what of them.
    pub filter: Filter,
    /// What becomes of them.
    pub result: Shown,
    /// How the text looks, and what of it goes for other forms: return values and what a duration
    /// is.
    pub text: ftrace::TextOptions,
    /// What of a recording is taken.
    pub selection: Selection,
    /// End after so many whole root calls.
    pub count: Option<u64>,
}

impl Show {
    /// Has so many levels recorded, and no more of them shown.
    pub const fn limit_depth(&mut self, levels: Option<u32>) {
        self.capture.depth = levels;
        self.filter.depth = levels;
    }

    /// What writes root calls to `out` as it is wanted. `cpus` is the number of CPUs.
    pub fn form<'a>(
        &self,
        out: Option<impl Write + Send + 'a>,
        functions: &'a FunctionTable,
        cpus: u32,
    ) -> Box<dyn Sink + 'a> {
        let Some(out) = out else {
            return Box::new(Nothing);
        };
        let out = BufWriter::new(out);
        let ftrace::TextOptions { values, sleep, .. } = self.text;
        let format = match self.result {
            Shown::Each(format) => format,
            Shown::Latency(layout) => {
                let latency = Latency::new(functions, sleep).with_layout(layout);
                return Box::new(AtTheEnd::new(latency, out, Latency::write));
            }
            Shown::Profile { sort, group_by, .. } => {
                let report = Report::new(functions, sleep, group_by);
                let write = move |report: &Report<'_>, out: &mut _| report.write(sort, out);
                return Box::new(AtTheEnd::new(report, out, write));
            }
        };
        match format {
            Format::Ftrace => Box::new(
                FtraceWriter::new(out, functions, self.text, cpus).with_capture(self.capture),
            ),
            Format::Function => {
                Box::new(FunctionWriter::new(out, functions, self.capture.arguments))
            }
            Format::Json => Box::new(JsonWriter::new(out, functions, values, sleep)),
            Format::Chrome => framed(ChromeWriter::new(out, functions, values), functions),
            Format::Perfetto => framed(PerfettoWriter::new(out, functions, values), functions),
            Format::Folded => {
                let write = |merged: &Merged, out: &mut _| folded::write(merged, functions, out);
                framed(AtTheEnd::new(Merged::new(sleep), out, write), functions)
            }
            Format::Svg => {
                let write = |merged: &Merged, out: &mut _| svg::write(merged, functions, out);
                framed(AtTheEnd::new(Merged::new(sleep), out, write), functions)
            }
            Format::Pprof => {
                let write = |merged: &Merged, out: &mut _| pprof::write(merged, functions, out);
                framed(AtTheEnd::new(Merged::new(sleep), out, write), functions)
            }
            Format::Dot => {
                let write = |merged: &Merged, out: &mut _| callgraph::dot(merged, functions, out);
                Box::new(AtTheEnd::new(Merged::new(sleep), out, write))
            }
            Format::Mermaid => {
                let write =
                    |merged: &Merged, out: &mut _| callgraph::mermaid(merged, functions, out);
                Box::new(AtTheEnd::new(Merged::new(sleep), out, write))
            }
            Format::Firefox => {
                Box::new(AtTheEnd::new(Firefox::new(functions), out, Firefox::write))
            }
            Format::TraceDat => Box::new(AtTheEnd::new(
                TraceDat::new(functions),
                out,
                TraceDat::write,
            )),
            Format::Csv => Box::new(CsvWriter::new(out, functions, values, sleep)),
            Format::Parquet => Box::new(ParquetWriter::new(out, functions, values, sleep)),
        }
    }
}

/// A form that shows the stacks above roots as calls around them.
fn framed<'a>(form: impl Sink + 'a, functions: &'a FunctionTable) -> Box<dyn Sink + 'a> {
    Box::new(Framed::new(form, functions))
}
