//! What can be typed of a trace that `perf ftrace trace` has and tracer has no other word for.
//!
//! Options whose meaning tracer has under the same name stand where that is; those that cannot be
//! meant here are refused by [`super::habits`].

use std::time::Duration;

use clap::Args as ClapArgs;

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
    /// What perf ftrace would trace with: function_graph, which is what tracer draws
    #[arg(short, long, value_name = "TRACER", value_parser = function_graph)]
    pub tracer: Option<String>,
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

/// The one tracer there is.
fn function_graph(text: &str) -> Result<String, String> {
    match text {
        "function_graph" => Ok(text.to_owned()),
        "function" => Err(
            "tracer draws graphs and lists no entries: for a line for each call, leave -t out and type \
             -G FUNCTION --graph-depth 1"
                .to_owned(),
        ),
        _ => Err(format!(
            "there is no `{text}`: tracer draws graphs, as function_graph does; leave -t out"
        )),
    }
}
