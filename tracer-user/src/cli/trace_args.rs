//! What can be typed of a trace: what is traced, what of it is shown, where it goes. Recordings
//! ([`super::recording_args`]) share what is shown ([`super::show_args`]).

use std::{net::TcpListener, path::PathBuf, time::Duration};

use anyhow::Result;
use clap::{Args as ClapArgs, ColorChoice};

use super::{
    capture_args::CaptureArgs,
    colour,
    exit::Output,
    latency_args::LayoutArgs,
    live_values,
    perf_args::{PerfArgs, PerfLatencyArgs},
    show_args::{CollectorArgs, FilterArgs, OrderArgs, ShowArgs},
};
use crate::{
    export::{Address, Outlets},
    model::{Capture, Stack},
    pipeline::Show,
};

/// A trace
#[derive(Debug, ClapArgs)]
pub struct TraceArgs {
    #[command(flatten)]
    pub capture: CaptureArgs,
    #[command(flatten)]
    pub show: ShowArgs,
    #[command(flatten)]
    pub stacks: StackArgs,
    #[command(flatten)]
    pub events: EventArgs,
    #[command(flatten)]
    pub perf: PerfArgs,
    /// Write the graph to this file
    #[arg(short, long, value_name = "FILE")]
    pub output: Option<PathBuf>,
}

/// What is marked in the graph
#[derive(Clone, Debug, Default, ClapArgs)]
pub struct EventArgs {
    /// Mark these events of the kernel where they happen under a root, such as sched:sched_waking
    /// or 'tcp:*'; may be repeated
    #[arg(short, long = "event", value_name = "EVENT", value_delimiter = ',')]
    pub events: Vec<String>,
}

/// The trace on the screen
#[derive(Debug, ClapArgs)]
#[command(
    after_help = crate::top::keys::IN_WORDS.as_str(),
    // Its first word is a recording.
    mut_arg("command", |command| command.last(true).trailing_var_arg(false))
)]
pub struct TopArgs {
    /// Show this recording instead of a trace
    #[arg(value_name = "RECORDING", conflicts_with_all = [
        "roots", "excluded", "cpus", "pids", "tids", "names", "cgroups", "inherit", "no_inherit", "duration", "functions", "attach", "otlp", "prometheus", "command"
    ])]
    pub recording: Option<PathBuf>,
    #[command(flatten)]
    pub capture: CaptureArgs,
    #[command(flatten)]
    pub filter: FilterArgs,
    /// Use colours: if the terminal has them, always or never. NO_COLOR in the environment keeps
    /// them off where it is auto
    #[arg(long, value_enum, value_name = "WHEN", default_value_t)]
    pub color: ColorChoice,
}

/// How long root calls take
#[derive(Debug, ClapArgs)]
// As perf calls it here.
#[command(mut_arg("roots", |roots| roots.visible_short_alias('T').visible_alias("trace-funcs")))]
pub struct LatencyArgs {
    #[command(flatten)]
    pub perf: PerfLatencyArgs,
    #[command(flatten)]
    pub capture: CaptureArgs,
    #[command(flatten)]
    pub filter: FilterArgs,
    #[command(flatten)]
    pub layout: LayoutArgs,
    /// A row for each value of this argument or field, instead of a picture: 'sk.dport', 'len',
    /// 'file->f_flags & 0x3'
    #[arg(
        long,
        value_name = "EXPR",
        conflicts_with_all = ["bucket_range", "side_by_side", "budget"]
    )]
    pub by: Option<String>,
    /// Write the histogram to this file
    #[arg(short, long, value_name = "FILE")]
    pub output: Option<PathBuf>,
}

/// Functions in numbers
#[derive(Debug, ClapArgs)]
pub struct ProfileArgs {
    #[command(flatten)]
    pub capture: CaptureArgs,
    #[command(flatten)]
    pub filter: FilterArgs,
    #[command(flatten)]
    pub order: OrderArgs,
    /// Make a page for a browser, as `tracer report --html` does of a recording
    #[arg(long, conflicts_with = "group_by")]
    pub html: bool,
    /// Write the table of what has been counted so far again and again after this time, such as 1s
    #[arg(long, value_name = "TIME", value_parser = live_values::interval, conflicts_with = "html")]
    pub interval: Option<Duration>,
    /// Write the table, or the page, to this file
    #[arg(short, long, value_name = "FILE")]
    pub output: Option<PathBuf>,
}

/// Who called
#[derive(Clone, Copy, Debug, Default, ClapArgs)]
pub struct StackArgs {
    /// Record the kernel's stack at each root call: who called the root, and from where
    #[arg(long)]
    pub stack: bool,
    /// Record the stack of the process at each root call, by frame pointers
    #[arg(long)]
    pub ustack: bool,
}

impl StackArgs {
    /// Has the stacks recorded that were asked for.
    pub fn put(self, capture: &mut Capture) {
        let recorded = |wanted| {
            if wanted {
                Stack::Recorded
            } else {
                Stack::Absent
            }
        };
        capture.stack = recorded(self.stack);
        capture.user_stack = recorded(self.ustack);
    }
}

/// Who else gets root calls
#[derive(Clone, Debug, Default, ClapArgs)]
pub struct ExportArgs {
    #[command(flatten)]
    pub collector: CollectorArgs,
    /// Serve histograms of root calls, errors and losses to Prometheus at /metrics of this port of
    /// the host alone, such as 9464, or of this address, such as 0.0.0.0:9464
    #[arg(long, value_name = "ADDRESS")]
    pub prometheus: Option<Address>,
}

impl ExportArgs {
    /// Whether the trace goes on for weeks.
    pub const fn goes_on(&self) -> bool {
        self.prometheus.is_some() || self.collector.otlp.is_some()
    }

    /// Takes the port.
    pub fn outlets(&self) -> Result<Outlets> {
        let scrapers = self.prometheus.map(listen).transpose()?;
        Ok(Outlets {
            collector: self.collector.otlp.clone(),
            scrapers,
        })
    }
}

impl TopArgs {
    /// What was typed, ready to use.
    pub fn show(&self) -> Result<Show> {
        let mut show = self.filter.show()?;
        show.text.colour = colour::wanted(self.color, None);
        Ok(show)
    }
}

/// Takes a port for the metrics, and says where they are.
fn listen(address: Address) -> Result<TcpListener> {
    let listener = address.listen();
    let listener = listener.and_then(|it| Ok((it.local_addr()?, it)));
    let (at, listener) = listener.map_err(|error| {
        let address = address.0;
        Output(format!(
            "metrics cannot be served at {address}: {error}; give --prometheus another port"
        ))
    })?;
    eprintln!("tracer: metrics at http://{at}/metrics");
    Ok(listener)
}
