//! `tracer list`: the plan, and what is excluded from it and why.

use std::{
    collections::BTreeMap,
    io::{self, Write},
    sync::atomic::AtomicBool,
    time::Duration,
};

use anyhow::Result;
use wildmatch::WildMatch;

use super::{exit::Exit, live_args::ListArgs};
use crate::{
    kernel::{Address, Kernel, Mechanisms, switch, symbols::Function},
    learn::{
        before::{self, Before, Origin},
        kept::{self, Cache},
        sampling::{self, Sampler},
    },
    model::many,
    plan::{self, FoundBy, Plan, Planned, Reason, Rules, Scope, closure},
    session,
};

/// Shows the plan, or without a root every function that matches.
pub fn run(args: &ListArgs) -> Result<Exit> {
    super::preconditions::privileges()?;
    // What is learned, is learned with the switch on.
    switch::check()?;
    let kernel = Kernel::read()?;
    if let Some(typed) = &args.proto {
        let mut out = io::BufWriter::new(io::stdout().lock());
        let shown = plan::prototypes(&kernel, typed)?;
        return ended(out.write_all(shown.as_bytes()).and_then(|()| out.flush()));
    }
    let mechanisms = Mechanisms::of(&kernel.types);
    let rules = Rules::new(&kernel, mechanisms, args.scope.into());
    let mut out = io::BufWriter::new(io::stdout().lock());
    let written = if args.roots.is_empty() {
        all(&kernel, &rules, &args.names, &mut out)?
    } else {
        let roots = plan::resolve_roots(&kernel, &rules, &args.roots)?;
        let cache = (!args.no_cache).then(|| kept::cache(tell)).flatten();
        let is_wide = mechanisms.by_address().is_some()
            && kernel.text.is_some()
            && !kernel.traceable_functions().is_empty();
        let plan = match args.learn {
            None if is_wide => wide(&kernel, &rules, roots, cache.as_ref()),
            learn => {
                let learn = learn.unwrap_or(session::USUAL_LEARN);
                narrow(&kernel, &rules, roots, cache.as_ref(), learn)?
            }
        };
        show(&plan, &args.names, &mut out)
    };
    ended(written.and_then(|()| out.flush()))
}

/// Shows the names of all that can be traced and match, and nothing else, as `perf ftrace -F` does.
pub fn names(glob: &str) -> Result<Exit> {
    super::preconditions::privileges()?;
    switch::check()?;
    let kernel = Kernel::read()?;
    let rules = Rules::new(&kernel, Mechanisms::of(&kernel.types), Scope::default());
    let glob = WildMatch::new(glob);
    let mut out = io::BufWriter::new(io::stdout().lock());
    let functions = kernel.symbols.functions();
    let mut traceable = functions
        .filter(|function| glob.matches(function.name) && rules.check(&kernel, function).is_ok());
    let written = traceable.try_for_each(|function| writeln!(out, "{}", function.shown()));
    ended(written.and_then(|()| out.flush()))
}

/// What became of the listing; its reader may have enough.
fn ended(written: io::Result<()>) -> Result<Exit> {
    match written {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => Err(error.into()),
        _ => Ok(Exit::Success),
    }
}

fn tell(words: &str) {
    eprintln!("tracer: {words}");
}

/// Where a trace begins with probes on all functions: what of them the machine code of the roots
/// leads to, and what an earlier trace saw. Nothing is sampled for that.
fn wide(kernel: &Kernel, rules: &Rules, roots: Vec<Planned>, cache: Option<&Cache>) -> Plan {
    tell(
        "a trace begins with probes on all functions; those that the machine code leads to are listed, \
         and --learn TIME samples what runs",
    );
    let addresses: Vec<Address> = roots.iter().map(|root| root.address).collect();
    let mut known = closure::reachable(kernel, &addresses, u32::MAX, usize::MAX);
    if let Some(cache) = cache {
        known.extend(kept::read(kernel, &roots, cache, tell));
    }
    Plan::wide_of(kernel, rules, roots, known)
}

/// What is known from before, or is sampled now, or stands in the text.
fn narrow(
    kernel: &Kernel,
    rules: &Rules,
    roots: Vec<Planned>,
    cache: Option<&Cache>,
    learn: Duration,
) -> Result<Plan> {
    let wants = !learn.is_zero();
    let may = wants && !sampling::is_skipped();
    let mut sampler = may.then(Sampler::start).transpose()?;
    let before = match sampler.as_mut() {
        Some(sampler) => Before::Sample(learn, sampler),
        None if wants => Before::Never,
        None => Before::Off,
    };
    let stop = AtomicBool::new(false);
    let learned = before::learn(kernel, &roots, cache, before, &stop, tell);
    if let Origin::Text { remark, .. } = &learned.origin {
        tell(remark);
    }
    Ok(Plan::new(kernel, rules, roots, learned.functions))
}

/// One line a function: name, how it is known, why it is skipped.
fn show(plan: &Plan, names: &[String], out: &mut impl Write) -> io::Result<()> {
    let globs: Vec<WildMatch> = names.iter().map(|name| WildMatch::new(name)).collect();
    let is_wanted = |name: &str| globs.is_empty() || globs.iter().any(|glob| glob.matches(name));
    let planned = plan.roots.iter().chain(&plan.callees);
    for function in planned.filter(|function| is_wanted(&function.name)) {
        writeln!(out, "{:<40} {}", function.name, source(function.source))?;
    }
    for left in plan.skipped.iter().filter(|left| is_wanted(&left.name)) {
        writeln!(
            out,
            "{:<40} {}, skipped: {}",
            left.name,
            source(left.source),
            left.reason
        )?;
    }
    writeln!(
        out,
        "{}: {}, {} under them, {} skipped",
        many(
            plan.roots.len() + plan.callees.len() + plan.skipped.len(),
            "function"
        ),
        many(plan.roots.len(), "root"),
        plan.callees.len(),
        plan.skipped.len()
    )
}

fn source(source: FoundBy) -> String {
    match source {
        FoundBy::Root => "root".to_owned(),
        FoundBy::Before { hits } => format!("known from before, seen {}", many(hits, "time")),
        FoundBy::Interrupt => "runs around interrupts".to_owned(),
        FoundBy::Learned { hits } => format!("seen {}", many(hits, "time")),
        FoundBy::Everything => "all functions have probes".to_owned(),
        FoundBy::Code { distance } => format!("in the text, {} away", many(distance, "call")),
    }
}

/// What can be traced of what the names stand for, or of everything, and why the rest cannot.
fn all(
    kernel: &Kernel,
    rules: &Rules,
    names: &[String],
    out: &mut impl Write,
) -> Result<io::Result<()>> {
    if names.is_empty() {
        return Ok(each(kernel, rules, kernel.symbols.functions(), out));
    }
    let mut found = BTreeMap::new();
    for name in names {
        for function in plan::functions_of(kernel, name)? {
            found.insert((function.start, function.name), function);
        }
    }
    Ok(each(kernel, rules, found.into_values(), out))
}

fn each<'k>(
    kernel: &Kernel,
    rules: &Rules,
    functions: impl Iterator<Item = Function<'k>>,
    out: &mut impl Write,
) -> io::Result<()> {
    let (mut attachable, mut skipped) = (0, 0);
    for function in functions {
        match rules.check(kernel, &function) {
            Ok(_) => {
                attachable += 1;
                writeln!(out, "{}", function.shown())?;
            }
            // What nobody can trace is no news: thousands of init and assembly symbols.
            Err(Reason::NotTraceable) => skipped += 1,
            Err(reason) => {
                skipped += 1;
                writeln!(out, "{:<40} skipped: {reason}", function.shown())?;
            }
        }
    }
    writeln!(
        out,
        "{}: {attachable} can be traced, {skipped} cannot",
        many(attachable + skipped, "function")
    )
}
