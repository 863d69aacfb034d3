//! What can be typed of a trace that `perf ftrace trace` has and tracer has no other word for.
//!
//! Options whose meaning tracer has under the same name stand where that is; those that cannot be
//! meant here are refused by [`super::habits`].

use std::time::Duration;

use anyhow::{Result, bail};
use clap::Args as ClapArgs;

use super::exit::Usage;

/// Options of `perf ftrace`
#[derive(Clone, Debug, Default, ClapArgs)]
pub struct PerfArgs {
    /// List the functions that can be traced and whose name matches, one a line, and trace nothing;
    /// `tracer list` says why others cannot
    #[arg(short = 'F', long, value_name = "GLOB", num_args = 0..=1, default_missing_value = "*")]
    pub funcs: Option<String>,
    /// Start the command, and begin to trace so many ms later
    #[arg(short = 'D', long, value_name = "MS", value_parser = milliseconds)]
    pub delay: Option<Duration>,
    /// What perf ftrace would trace with: function_graph, which is what tracer draws, or function,
    /// which lists entries as -T does
    #[arg(short, long, value_name = "TRACER", value_enum)]
    pub tracer: Option<Tracer>,
    /// List the entries of these functions, one a line with the caller, and draw no graph: a name,
    /// a glob, or a syscall's name; may be repeated
    #[arg(
        short = 'T',
        long = "trace-funcs",
        value_name = "FUNCTION",
        conflicts_with = "roots"
    )]
    pub listed: Vec<String>,
    /// List the entries of all functions but these, or of those of -T but these; may be repeated
    #[arg(
        short = 'N',
        long = "notrace-funcs",
        value_name = "FUNCTION",
        conflicts_with = "roots"
    )]
    pub not_listed: Vec<String>,
    /// Of a listing: call-graph, which shows the kernel's stack at each call
    #[arg(long, value_name = "OPTIONS", value_parser = func_option, value_delimiter = ',')]
    pub func_opts: Vec<FuncOption>,
}

/// What `--func-opts` can ask for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FuncOption {
    /// The stack at each call.
    CallGraph,
}

/// An option of perf's for listings. The events know one flag of the five of `irq-info`.
fn func_option(text: &str) -> Result<FuncOption, String> {
    match text.trim() {
        "call-graph" => Ok(FuncOption::CallGraph),
        "irq-info" => Err(
            "`irq-info` is not there; --graph-opts verbose of a graph says what interrupts made"
                .to_owned(),
        ),
        other => Err(format!("`{other}` is none of them; there is call-graph")),
    }
}

/// The kernel's tracers that there are here.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
#[value(rename_all = "snake_case")]
pub enum Tracer {
    /// Draws graphs
    FunctionGraph,
    /// Lists entries
    Function,
}

impl PerfArgs {
    /// Whether entries are listed and no graph is drawn.
    pub const fn is_listing(&self) -> bool {
        matches!(self.tracer, Some(Tracer::Function))
            || !self.listed.is_empty()
            || !self.not_listed.is_empty()
    }

    /// Whether a listing has the stack of each call; refuses that of a graph.
    pub fn has_call_graph(&self) -> Result<bool> {
        let has = self.func_opts.contains(&FuncOption::CallGraph);
        if has && !self.is_listing() {
            bail!(Usage(
                "--func-opts is of a listing: name functions with -T; in a graph --stack shows \
                 who called the root"
                    .to_owned()
            ));
        }
        Ok(has)
    }
}

/// Options of `perf ftrace latency`
#[derive(Clone, Copy, Debug, Default, ClapArgs)]
pub struct PerfLatencyArgs {
    /// Measure with BPF, as is done anyway
    #[arg(short = 'b', long, hide = true)]
    pub use_bpf: bool,
}

/// A number of ms.
fn milliseconds(text: &str) -> Result<Duration, String> {
    text.parse()
        .map(Duration::from_millis)
        .map_err(|_| format!("`{text}` is no number of ms: write it as 500"))
}
