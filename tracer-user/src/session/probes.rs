//! The probes of a trace: put in before it is armed, taken away after it is disarmed, with a word to the user where it takes long.

use std::time::{Duration, Instant};

use anyhow::Result;
use indicatif::{ProgressBar, ProgressStyle};

use super::Stop;
use crate::{
    attach::{AttachError, Object, Pair, Role},
    plan::{Plan, Planned},
};

/// The probes in the kernel.
pub struct Probes {
    /// Those of the roots.
    pub roots: Vec<Pair>,
    /// Those of the functions below.
    pub callees: Vec<Pair>,
    /// Those of the functions that are left out with all below them.
    pub hidden: Vec<Pair>,
}

/// Attaches what is hidden, the callees, then the roots. A callee that the kernel does not accept is reported and left out;
/// a hidden function is an error like a root, because all below it would be shown.
pub fn attach_all(object: &mut Object, btf: &aya::Btf, plan: &Plan, stop: &Stop) -> Result<Probes> {
    let bar = progress(
        "attaching",
        plan.hidden.len() + plan.callees.len() + plan.roots.len(),
    );
    let hidden = attach_each(object, btf, &plan.hidden, Role::Hidden, stop, &bar)?;
    let mut callees = Vec::with_capacity(plan.callees.len());
    for planned in &plan.callees {
        if stop.is_wanted() {
            break;
        }
        match Pair::attach(object, btf, &planned.name, Role::Callee) {
            Ok(pair) => callees.push(pair),
            Err(error @ AttachError::Function { .. }) => {
                eprintln!("tracer: {error}; it is left out of the graph");
            }
            Err(error) => return Err(error.into()),
        }
        bar.inc(1);
    }
    let roots = attach_each(object, btf, &plan.roots, Role::Root, stop, &bar)?;
    bar.finish_and_clear();
    Ok(Probes {
        roots,
        callees,
        hidden,
    })
}

/// Attaches functions of which none can be done without.
fn attach_each(
    object: &mut Object,
    btf: &aya::Btf,
    functions: &[Planned],
    role: Role,
    stop: &Stop,
    bar: &ProgressBar,
) -> Result<Vec<Pair>> {
    let mut pairs = Vec::with_capacity(functions.len());
    for function in functions {
        if stop.is_wanted() {
            break;
        }
        pairs.push(Pair::attach(object, btf, &function.name, role)?);
        bar.inc(1);
    }
    Ok(pairs)
}

/// Takes probes away one by one, with a word where it takes long.
pub fn detach(probes: Vec<Pair>, what: &str) {
    let count = probes.len();
    let begin = Instant::now();
    let bar = progress("detaching", count);
    let mut told = false;
    for (index, probe) in probes.into_iter().enumerate() {
        drop(probe);
        bar.inc(1);
        if !told && bar.is_hidden() && begin.elapsed() > Duration::from_secs(2) {
            told = true;
            let rest = begin.elapsed() * u32::try_from(count - index).unwrap_or(u32::MAX)
                / u32::try_from(index + 1).unwrap_or(u32::MAX);
            eprintln!(
                "tracer: this kernel takes its time to let probes go: {count} {what}, about {} s more",
                rest.as_secs() + 1
            );
        }
    }
    bar.finish_and_clear();
}

fn progress(what: &'static str, count: usize) -> ProgressBar {
    // Draws on a terminal only.
    let bar = ProgressBar::new(count as u64);
    if let Ok(style) = ProgressStyle::with_template("tracer: {msg} {bar:30} {pos}/{len}") {
        bar.set_style(style);
    }
    bar.with_message(what)
}

/// Two programs and two links a function: the usual limit of 1,024 is soon reached. Without the capability to
/// raise it, attaching says so when it gets there.
pub fn raise_file_limit() {
    use nix::sys::resource::{Resource, getrlimit, setrlimit};
    const WANTED: u64 = 1 << 20;
    if setrlimit(Resource::RLIMIT_NOFILE, WANTED, WANTED).is_err()
        && let Ok((_, hard)) = getrlimit(Resource::RLIMIT_NOFILE)
    {
        let _ = setrlimit(Resource::RLIMIT_NOFILE, hard, hard);
    }
}
