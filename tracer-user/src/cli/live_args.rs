//! What can be typed that asks the kernel: the commands that trace, and those about the host.

use std::time::Duration;

use clap::{Args as ClapArgs, ColorChoice, Subcommand, ValueEnum};

pub use super::{
    capture_args::{CaptureArgs, ChildrenArgs, ScopeArgs},
    record_args::RecordArgs,
    show_args::{FilterArgs, ShowArgs},
    trace_args::{EventArgs, ExportArgs, LatencyArgs, ProfileArgs, TopArgs, TraceArgs},
};
use super::{live_values, stuck::StuckArgs, values};
use crate::{kernel::Mechanism, learn::sampling};

/// What traces, and is not a trace of one's own
#[derive(Debug, Subcommand)]
pub enum Tracing {
    /// Trace `__sys_sendto` of a workload that sends through a sockmap
    Demo(DemoArgs),
    /// Trace into a file, to be replayed later and elsewhere
    Record(Box<RecordArgs>),
    /// Show how long root calls take, as a histogram
    Latency(Box<LatencyArgs>),
    /// Sum up the functions under a root while they run
    Profile(Box<ProfileArgs>),
    /// Watch a trace on the terminal: call tree, rates, times, errors, the slowest calls
    Top(Box<TopArgs>),
    /// Show root calls that do not return, with their open functions and for how long
    Stuck(Box<StuckArgs>),
}

/// What the host is asked
#[derive(Debug, Subcommand)]
pub enum Host {
    /// Show which functions would be traced, and which not and why
    List(ListArgs),
    /// Say what this host offers for tracing and what is missing
    Check(CheckArgs),
    /// Run a workload on real sockets
    Workload(WorkloadArgs),
    /// Set the function tracer for the tracer that starts this
    #[command(name = sampling::ACTION, hide = true)]
    Sample,
}

/// The demonstration
#[derive(Debug, ClapArgs)]
pub struct DemoArgs {
    /// End after so many whole root calls
    #[arg(short = 'n', long, value_name = "N", default_value_t = 3)]
    pub count: u64,
    /// Time between two sends in µs
    #[arg(long, value_name = "N", default_value_t = 20_000)]
    pub interval_us: u64,
    /// Comma-separated, as for a trace
    #[arg(long, value_name = "OPTIONS", default_value = "noirqs")]
    pub graph_opts: String,
    /// Attach by multi, kprobe or pair, as for a trace
    #[arg(long, value_name = "MECHANISM", value_parser = live_values::mechanism)]
    pub attach: Option<Mechanism>,
    /// Colour long durations and returned errors, as for a trace
    #[arg(long, value_enum, value_name = "WHEN", default_value_t)]
    pub color: ColorChoice,
    /// Tell more on stderr
    #[arg(short, long)]
    pub verbose: bool,
}

/// What would be traced
#[derive(Debug, ClapArgs)]
pub struct ListArgs {
    /// Show what runs under this function
    #[arg(short = 'G', long = "graph-funcs", value_name = "ROOT")]
    pub roots: Vec<String>,
    /// Sample what runs under the roots, at most this long, if that is not known from before; 0 for
    /// what their machine code calls. Without it: all that the machine code leads to, where a trace
    /// begins wide, elsewhere 5s
    #[arg(long, value_name = "TIME", value_parser = values::duration)]
    pub learn: Option<Duration>,
    /// Do not go by what was learned before
    #[arg(long)]
    pub no_cache: bool,
    /// Show the prototype of this function and the members that its arguments lead to, for --arg
    /// and --where; or the members of this field: 'tcp_sendmsg: sk->sk_socket'
    #[arg(long, value_name = "FUNCTION", conflicts_with_all = ["roots", "names"])]
    pub proto: Option<String>,
    #[command(flatten)]
    pub scope: ScopeArgs,
    /// Show only functions of these names, or whose name matches; without -G also what a name
    /// stands for
    #[arg(value_name = "NAME")]
    pub names: Vec<String>,
}

/// What the host offers
#[derive(Debug, ClapArgs)]
pub struct CheckArgs {
    /// Say nothing; the exit status says whether tracing works here
    #[arg(short, long)]
    pub quiet: bool,
}

/// A workload
#[derive(Debug, ClapArgs)]
pub struct WorkloadArgs {
    /// What to drive
    pub kind: WorkloadKind,
    /// Sends; without it until a signal. Of tasks: how many (100)
    #[arg(long, value_name = "N")]
    pub count: Option<u64>,
    /// Bytes of each send
    #[arg(long, value_name = "BYTES", default_value_t = 7)]
    pub size: usize,
    /// Time between two sends in µs
    #[arg(long, value_name = "N", default_value_t = 0)]
    pub interval_us: u64,
    /// Time between the reader's wake-up and its receive in µs
    #[arg(long, value_name = "N", default_value_t = 0)]
    pub reader_delay_us: u64,
    /// Run before all that is not in real time (SCHED_FIFO)
    #[arg(long)]
    pub real_time: bool,
}

/// The workloads
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum WorkloadKind {
    /// TCP through a sockmap, redirected by a sk_msg program
    Sockmap,
    /// The same, with a program that goes on in itself by tail calls
    TailCalls,
    /// TCP over loopback
    Tcp,
    /// TCP over loopback, encrypted by the kernel (module tls)
    Tls,
    /// UDP over loopback
    Udp,
    /// A unix stream socket
    Unix,
    /// A task that sleeps in recvfrom(2) until it is sent something, once in each interval
    Sleep,
    /// Many tasks, as many as --count says, that sleep in recvfrom(2) at the same time
    Tasks,
    /// A unix stream socket watched by epoll instances within each other
    Epoll,
    /// Files that are written, read and removed
    Files,
    /// Memory that is mapped and let go
    Memory,
    /// Threads that are started and end
    Threads,
    /// Writes to /dev/null by three functions that have frame pointers, for --ustack
    Frames,
}
