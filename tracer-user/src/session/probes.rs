//! The probes of a trace: put in before it is armed, taken away after it is disarmed, with a word to the user where it takes long.

use std::time::Duration;

use anyhow::Result;
use indicatif::{ProgressBar, ProgressStyle};

use super::Stop;
use crate::{
    attach::{self, AttachError, Attacher, Observer, Probe, Role, Side},
    plan::{Plan, Planned},
};

/// The generation of probes with which a trace begins.
pub const FIRST_GENERATION: u64 = 1;

/// The probes in the kernel.
pub struct Probes {
    /// Those of the roots.
    pub roots: Vec<Probe>,
    /// Those of the functions below.
    pub callees: Vec<Probe>,
    /// Those of the functions that are left out with all below them.
    pub hidden: Vec<Probe>,
}

impl Probes {
    /// How many functions below the roots have probes.
    pub fn callee_functions(&self) -> usize {
        functions(&self.callees)
    }

    /// Hits that the kernel skipped in the middle of another probe.
    pub fn skipped(&self) -> u64 {
        attach::skipped(self.roots.iter().chain(&self.callees).chain(&self.hidden))
    }
}

fn functions(probes: &[Probe]) -> usize {
    probes.iter().map(Probe::functions).sum()
}

/// Attaches what is hidden, the callees, then the roots. A callee that the kernel does not accept is reported and left out;
/// a hidden function is an error like a root, because all below it would be shown.
pub fn attach_all(attacher: &mut Attacher, plan: &Plan, stop: &Stop) -> Result<Probes> {
    let bar = progress(
        "attaching",
        plan.hidden.len() + plan.callees.len() + plan.roots.len(),
    );
    let mut attach = |functions: &[Planned], role| {
        attacher.attach(
            functions,
            role,
            Side::of(FIRST_GENERATION),
            &mut Watch {
                role,
                stop,
                bar: &bar,
            },
        )
    };
    let hidden = attach(&plan.hidden, Role::Hidden)?;
    let callees = attach(&plan.callees, Role::Callee)?;
    let roots = attach(&plan.roots, Role::Root)?;
    bar.finish_and_clear();
    Ok(Probes {
        roots,
        callees,
        hidden,
    })
}

/// Attaches functions of BPF programs, as far as the kernel accepts them.
pub fn attach_programs(
    attacher: &mut Attacher,
    functions: &[Planned],
    stop: &Stop,
) -> Result<Vec<Probe>> {
    let mut watch = Watch {
        role: Role::Callee,
        stop,
        bar: &ProgressBar::hidden(),
    };
    let side = Side::of(FIRST_GENERATION);
    Ok(attacher.attach(functions, Role::Callee, side, &mut watch)?)
}

/// Moves the bar, and says which callees are left out.
struct Watch<'a> {
    role: Role,
    stop: &'a Stop,
    bar: &'a ProgressBar,
}

impl Observer for Watch<'_> {
    fn attached(&mut self, functions: &[&Planned]) {
        self.bar.inc(functions.len() as u64);
    }

    fn refused(&mut self, error: AttachError) -> Result<(), AttachError> {
        match (self.role, error) {
            (Role::Callee, error @ AttachError::Function { .. }) => {
                eprintln!("tracer: {error}; it is left out of the graph");
                Ok(())
            }
            (_, error) => Err(error),
        }
    }

    fn is_stopped(&self) -> bool {
        self.stop.is_wanted()
    }
}

/// The user waits no longer for probes that go: many functions with one link are gone by then.
const PATIENCE: Duration = Duration::from_millis(100);

/// Takes probes away. What takes long goes behind the prompt, with a word.
pub fn detach(probes: Probes) {
    let Probes {
        roots,
        callees,
        hidden,
    } = probes;
    let all: Vec<Probe> = roots.into_iter().chain(callees).chain(hidden).collect();
    let count = functions(&all);
    let_go(all, count);
}

/// Likewise, of so many functions.
pub fn let_go<T>(all: T, count: usize) {
    if count == 0 {
        return;
    }
    match attach::behind::let_go(all) {
        Ok(leaving) if leaving.is_over_within(PATIENCE) => {}
        Ok(leaving) => eprintln!(
            "tracer: {count} functions are let go by process {}",
            leaving.process
        ),
        // They are gone, if late.
        Err(error) => log::debug!("no process to let probes go: {error}"),
    }
}

fn progress(what: &'static str, count: usize) -> ProgressBar {
    // Draws on a terminal only.
    let bar = ProgressBar::new(count as u64);
    if let Ok(style) = ProgressStyle::with_template("tracer: {msg} {bar:30} {pos}/{len}") {
        bar.set_style(style);
    }
    bar.with_message(what)
}
