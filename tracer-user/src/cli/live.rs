//! The commands that ask the kernel, each by its name.

use std::{io::BufWriter, os::fd::AsFd as _};

use anyhow::{Result, bail};

use super::{
    capture_args::CaptureArgs,
    check, demo,
    exit::{Exit, Usage},
    list,
    live_args::{Host, LatencyArgs, ProfileArgs, RecordArgs, Tracing},
    output::{self, Medium},
    running::{printed, run_trace},
    stuck, top, workload,
};
use crate::{
    expr::By,
    learn::sampling,
    output::page,
    pipeline::{Show, Shown},
    session::Outputs,
};

/// What traces, and is not a trace of one's own.
pub fn tracing(tracing: Tracing) -> Result<Exit> {
    match tracing {
        Tracing::Demo(demo) => demo::run(&demo),
        Tracing::Record(record) => self::record(&record),
        Tracing::Latency(latency) => self::latency(&latency),
        Tracing::Profile(profile) => self::profile(&profile),
        Tracing::Top(top) => top::run(&top),
        Tracing::Stuck(stuck) => stuck::run(*stuck),
    }
}

/// What the host is asked.
pub fn host(host: &Host) -> Result<Exit> {
    match host {
        Host::List(list) => list::run(list),
        Host::Check(check) => check::run(check),
        Host::Workload(workload) => workload::run(workload),
        Host::Sample => sample(),
    }
}

/// Does what the tracer that started this asks for on stdin.
fn sample() -> Result<Exit> {
    let stream = std::io::stdin().as_fd().try_clone_to_owned()?;
    sampling::serve(stream.into())?;
    Ok(Exit::Success)
}

/// Traces the roots alone, and says how long they took.
fn latency(args: &LatencyArgs) -> Result<Exit> {
    let mut show = args.filter.show()?;
    if show.filter.needs_tree() {
        bail!(Usage(
            "--through and --contains need what the roots call, and latency traces the roots \
             alone; use `tracer profile` with them"
                .to_owned()
        ));
    }
    shows_no_fields(&args.capture)?;
    show.result = Shown::Latency(args.layout.layout()?);
    show.limit_depth(Some(1));
    let mut options = args.capture.options(show)?;
    options.by = args.by.as_deref().map(By::parse).transpose()?;
    if options.by.is_some() {
        // What is told apart by value is not weighted, so no root call may be sampled out.
        options.budget = None;
    }
    run_trace(&options, || {
        printed(args.output.as_deref(), options.show.result, &args.capture)
    })
}

/// Fields are shown with calls, of which there are none.
fn shows_no_fields(capture: &CaptureArgs) -> Result<()> {
    if capture.fields.is_empty() {
        return Ok(());
    }
    bail!(Usage(
        "--arg shows fields with each call, and a table has none; leave it out, or choose root \
         calls by fields with --where"
            .to_owned()
    ));
}

/// Traces, and sums up the functions.
fn profile(args: &ProfileArgs) -> Result<Exit> {
    shows_no_fields(&args.capture)?;
    let mut show = args.filter.show()?;
    show.result = Shown::Profile {
        sort: args.order.sort,
        group_by: args.order.group_by,
        interval: args.interval,
    };
    let options = args.capture.options(show)?;
    run_trace(&options, || {
        if args.html {
            return page_of(args, &options.show);
        }
        printed(args.output.as_deref(), options.show.result, &args.capture)
    })
}

/// Traces into a file.
fn record(args: &RecordArgs) -> Result<Exit> {
    let mut show = args.show.show(None)?;
    args.stacks.put(&mut show.capture);
    let mut options = args.capture.options(show)?;
    options.events.clone_from(&args.events.events);
    run_trace(&options, || {
        let shown = options.show.result;
        let export = args.capture.export.outlets()?;
        let graph = args.print.then(|| output::open(None, shown)).transpose()?;
        Ok(Outputs {
            graph,
            recording: Some(args.target()?),
            export,
            view: None,
        })
    })
}

/// Makes the page of a trace when that has ended.
fn page_of(args: &ProfileArgs, show: &Show) -> Result<Outputs> {
    let export = args.capture.export.outlets()?;
    let out = output::open(args.output.as_deref(), Medium::File)?;
    let (text, capture, sort) = (show.text, show.capture, args.order.sort);
    Ok(Outputs {
        graph: None,
        recording: None,
        export,
        view: Some(Box::new(move |functions, head| {
            Box::new(page::live(
                BufWriter::new(out),
                functions,
                head,
                (text, capture),
                sort,
            ))
        })),
    })
}
