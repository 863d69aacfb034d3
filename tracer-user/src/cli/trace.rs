//! `tracer` without a subcommand: a trace of one's own.

use std::collections::BTreeSet;

use anyhow::Result;

use super::{
    exit::Exit,
    list,
    running::{printed, run_trace},
    trace_args::TraceArgs,
    words,
};
use crate::{
    model::{ReturnAddresses, Stack},
    output::Format,
    pipeline::Shown,
};

/// Traces as asked.
pub fn run(mut args: TraceArgs) -> Result<Exit> {
    if let Some(glob) = &args.perf.funcs {
        return list::names(glob);
    }
    let is_listing = args.perf.is_listing();
    let has_call_graph = args.perf.has_call_graph()?;
    if is_listing {
        let listed = std::mem::take(&mut args.perf.listed);
        args.capture.list(listed)?;
    }
    if args.capture.roots.is_empty() && !args.capture.all_cpus {
        words::check(&args.capture.command)?;
    }
    let mut show = args.show.show(args.output.as_deref())?;
    args.stacks.put(&mut show.capture);
    let mut options = args.capture.options(show)?;
    options.delay = args.perf.delay;
    options.events.clone_from(&args.events.events);
    if is_listing {
        options.not_roots = args.perf.not_listed;
        options.functions = Some(BTreeSet::new());
        options.show.result = Shown::Each(Format::Function);
        options.show.capture.callers = ReturnAddresses::Recorded;
        if has_call_graph || args.stacks.stack {
            options.show.capture.stack = Stack::OfEachRoot;
        }
    }
    run_trace(&options, || {
        printed(args.output.as_deref(), options.show.result, &args.capture)
    })
}
