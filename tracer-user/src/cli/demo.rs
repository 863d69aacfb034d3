//! `tracer demo`: the sockmap workload as a command of its own, traced.

use anyhow::{Context as _, Result};

use super::{
    about_args::AboutArgs,
    budget_args::BudgetArgs,
    discovery::DiscoveryArgs,
    exit::Exit,
    live_args::{
        CaptureArgs, ChildrenArgs, DemoArgs, EventArgs, ExportArgs, FilterArgs, ScopeArgs,
        ShowArgs, TraceArgs,
    },
    perf_args::PerfArgs,
    ring_args::RingArgs,
    trace_args::StackArgs,
};
use crate::{
    output::Format,
    session::{Begin, Streams},
};

/// Runs the demonstration.
pub fn run(args: &DemoArgs) -> Result<Exit> {
    let program = std::env::current_exe().context("the path of tracer itself is not known")?;
    let interval = args.interval_us.to_string();
    let command = ["workload", "sockmap", "--interval-us", &interval];
    let capture = CaptureArgs {
        roots: vec!["__sys_sendto".to_owned()],
        cpus: Some("0".to_owned()),
        all_cpus: false,
        excluded: Vec::new(),
        fields: Vec::new(),
        about: AboutArgs::default(),
        pids: Vec::new(),
        tids: Vec::new(),
        names: Vec::new(),
        cgroups: Vec::new(),
        children: ChildrenArgs::default(),
        duration: None,
        discovery: DiscoveryArgs::default(),
        no_cache: true,
        functions: None,
        scope: ScopeArgs::default(),
        attach: args.attach,
        ring: RingArgs::default(),
        budget: BudgetArgs::default(),
        export: ExportArgs::default(),
        verbose: args.verbose,
        command: std::iter::once(program.to_string_lossy().into_owned())
            .chain(command.into_iter().map(str::to_owned))
            .collect(),
        // Three calls are to be seen, and whole: they are learned before.
        begin: Begin::AtOnce,
        streams: Streams::Shared,
    };
    let filter = FilterArgs {
        graph_opts: args.graph_opts.clone(),
        count: Some(args.count),
        ..FilterArgs::default()
    };
    let show = ShowArgs {
        filter,
        why_failed: false,
        format: Format::Ftrace,
        color: args.color,
    };
    let trace = TraceArgs {
        stacks: StackArgs::default(),
        capture,
        show,
        events: EventArgs::default(),
        perf: PerfArgs::default(),
        output: None,
    };
    super::trace::run(trace)
}
