//! `tracer list`: the plan, and what is left out of it and why.

use std::io::{self, Write};

use anyhow::Result;
use wildmatch::WildMatch;

use super::{args::ListArgs, exit::Exit};
use crate::{
    attach::Ways,
    kernel::{Kernel, learning::Looker, switch},
    plan::{self, Plan, Reason, Rules, Source},
    session::{self, Before, Origin, Stop},
};

/// Shows the plan, or without a root every function that matches.
pub fn run(args: &ListArgs) -> Result<Exit> {
    super::preconditions::privileges()?;
    // To ask which ways the kernel has is to attach.
    switch::check()?;
    let kernel = Kernel::read()?;
    let ways = Ways::of(&kernel.types, &kernel.symbols);
    let rules = Rules::new(&kernel, ways, args.scope.into());
    let glob = WildMatch::new(args.glob.as_deref().unwrap_or("*"));
    let mut out = io::BufWriter::new(io::stdout().lock());
    let written = if args.roots.is_empty() {
        all(&kernel, &rules, &glob, &mut out)
    } else {
        let roots = plan::resolve_roots(&kernel, &rules, &args.roots)?;
        let tell = |words: &str| eprintln!("tracer: {words}");
        let cache = (!args.no_cache).then(|| session::cache(tell)).flatten();
        let mut looker = (!args.learn.is_zero()).then(Looker::start).transpose()?;
        let before = looker
            .as_mut()
            .map_or(Before::Off, |looker| Before::Watch(args.learn, looker));
        let stop = Stop::default();
        let learned = session::learn(&kernel, &roots, cache.as_ref(), before, &stop, tell);
        if let Origin::Text { remark, .. } = &learned.origin {
            tell(remark);
        }
        let plan = Plan::new(&kernel, &rules, roots, learned.functions);
        show(&plan, &glob, &mut out)
    };
    match written.and_then(|()| out.flush()) {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => Err(error.into()),
        _ => Ok(Exit::Success),
    }
}

/// One line a function: name, how it is known, why it is left out.
fn show(plan: &Plan, glob: &WildMatch, out: &mut impl Write) -> io::Result<()> {
    let planned = plan.roots.iter().chain(&plan.callees);
    for function in planned.filter(|function| glob.matches(&function.name)) {
        writeln!(out, "{:<40} {}", function.name, source(function.source))?;
    }
    for left in plan.left_out.iter().filter(|left| glob.matches(&left.name)) {
        writeln!(
            out,
            "{:<40} {}, left out: {}",
            left.name,
            source(left.source),
            left.reason
        )?;
    }
    writeln!(
        out,
        "{} functions: {} roots, {} under them, {} left out",
        plan.roots.len() + plan.callees.len() + plan.left_out.len(),
        plan.roots.len(),
        plan.callees.len(),
        plan.left_out.len()
    )
}

fn source(source: Source) -> String {
    match source {
        Source::Root => "root".to_owned(),
        Source::Before { hits } => format!("known from before, seen {hits} times"),
        Source::Interrupt => "runs around interrupts".to_owned(),
        Source::Learned { hits } => format!("seen {hits} times"),
        Source::Everything => "all functions have probes".to_owned(),
        Source::Text { distance } => format!("in the text, {distance} calls away"),
    }
}

fn all(kernel: &Kernel, rules: &Rules, glob: &WildMatch, out: &mut impl Write) -> io::Result<()> {
    let (mut attachable, mut left_out) = (0, 0);
    for function in kernel.symbols.functions() {
        if !glob.matches(function.name) {
            continue;
        }
        match rules.check(kernel, &function) {
            Ok(_) => {
                attachable += 1;
                writeln!(out, "{}", function.shown())?;
            }
            // What nobody can trace is no news: thousands of init and assembly symbols.
            Err(Reason::NotTraceable) => left_out += 1,
            Err(reason) => {
                left_out += 1;
                writeln!(out, "{:<40} left out: {reason}", function.shown())?;
            }
        }
    }
    writeln!(
        out,
        "{} functions: {attachable} can be traced, {left_out} cannot",
        attachable + left_out
    )
}
