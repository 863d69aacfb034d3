//! The probes of a trace: put in before it is armed, taken away after it is disarmed, with a word
//! to the user where it takes long.

use std::{
    cmp::Reverse,
    time::{Duration, Instant},
};

use anyhow::Result;
use indicatif::{ProgressBar, ProgressStyle};

use crate::{
    attach::{self, AttachError, Attacher, Marks, Observer, Probe, Role, Side},
    kernel::{numbers, switch},
    model::{Skipped, many},
    plan::{FoundBy, Plan, Planned},
    stop::Stop,
};

/// The generation of probes with which a trace begins.
pub const FIRST_GENERATION: u64 = 1;

/// The probes in the kernel.
pub struct Probes {
    /// Those of the roots.
    pub roots: Vec<Probe>,
    /// Those of the functions below.
    pub callees: Vec<Probe>,
    /// Those of the functions that are skipped with all below them.
    pub excluded: Vec<Probe>,
    /// Callees that are to get their probes while the trace goes on.
    pub later: Vec<Planned>,
}

/// When root calls begin to be traced.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ready {
    /// When all functions have their probes.
    WithAll,
    /// After so much time with those that are hit most, where each function is attached for itself.
    After(Duration),
}

impl Probes {
    /// How many functions below the roots have probes.
    pub fn callee_functions(&self) -> usize {
        functions(&self.callees)
    }

    /// Hits that the kernel skipped: of the roots, and of all others.
    pub fn skipped(&self) -> [Skipped; 2] {
        [
            attach::skipped(self.roots.iter()),
            attach::skipped(self.callees.iter().chain(&self.excluded)),
        ]
    }
}

fn functions(probes: &[Probe]) -> usize {
    probes.iter().map(Probe::functions).sum()
}

/// Attaches what is excluded, the callees, then the roots. A callee that the kernel does not accept
/// is reported and skipped; an excluded function is an error like a root, because all below it
/// would be shown.
pub fn attach_all(
    attacher: &mut Attacher,
    plan: &Plan,
    ready: Ready,
    stop: &Stop,
) -> Result<Probes> {
    let mut callees = plan.callees.clone();
    if ready != Ready::WithAll {
        callees.sort_by_key(|one| Reverse(heat(one)));
    }

    let bar = progress(
        "attaching",
        plan.excluded.len() + plan.callees.len() + plan.roots.len(),
    );
    let one_by_one = attacher.at_once() == 1;
    // Of some thousand functions with strings not all find room, and roots are attached last.
    attacher.enter_strings(&plan.roots)?;
    let mut attach = |functions: &[Planned], role, until| {
        let mut progress = Progress {
            role,
            stop,
            bar: &bar,
            until,
            done: 0,
        };
        let side = Side::of(FIRST_GENERATION);
        let probes = attacher.attach(functions, role, side, &mut progress)?;
        Ok::<_, AttachError>((probes, progress.done))
    };
    let (excluded, _) = attach(&plan.excluded, Role::Excluded, None)?;
    let until = match ready {
        Ready::After(time) if one_by_one => Some(Instant::now() + time),
        _ => None,
    };
    let (probes, done) = attach(&callees, Role::Callee, until)?;
    let later = match until {
        Some(_) => callees.split_off(done.min(callees.len())),
        None => Vec::new(),
    };
    let (roots, _) = attach(&plan.roots, Role::Root, None)?;
    bar.finish_and_clear();
    Ok(Probes {
        roots,
        callees: probes,
        excluded,
        later,
    })
}

/// How much would be missing without a function. What runs at the edges of interrupts comes first:
/// without it, what that calls would hang wherever an interrupt came.
const fn heat(planned: &Planned) -> u64 {
    match planned.source {
        FoundBy::Interrupt => u64::MAX,
        FoundBy::Learned { hits } | FoundBy::Before { hits } => hits,
        _ => 0,
    }
}

/// Attaches functions of BPF programs, as far as the kernel accepts them.
pub fn attach_programs(
    attacher: &mut Attacher,
    functions: &[Planned],
    stop: &Stop,
) -> Result<Vec<Probe>> {
    let mut progress = Progress {
        role: Role::Callee,
        stop,
        bar: &ProgressBar::hidden(),
        until: None,
        done: 0,
    };
    let side = Side::of(FIRST_GENERATION);
    Ok(attacher.attach(functions, Role::Callee, side, &mut progress)?)
}

/// Moves the bar, and says which callees are skipped.
struct Progress<'a> {
    role: Role,
    stop: &'a Stop,
    bar: &'a ProgressBar,
    /// Nothing more is attached after that.
    until: Option<Instant>,
    /// Functions that were attached or refused.
    done: usize,
}

impl Observer for Progress<'_> {
    fn attached(&mut self, functions: &[&Planned]) {
        self.done += functions.len();
        self.bar.inc(functions.len() as u64);
    }

    fn refused(&mut self, error: AttachError) -> Result<(), AttachError> {
        self.done += 1;
        match (self.role, error) {
            (Role::Callee, error @ AttachError::Function { .. }) => {
                eprintln!("tracer: {error}; it is excluded from the graph");
                Ok(())
            }
            (_, error) => Err(error),
        }
    }

    fn is_stopped(&self) -> bool {
        self.stop.is_wanted() || self.until.is_some_and(|until| Instant::now() >= until)
    }
}

/// The user waits no longer for probes that go: many functions with one link are gone by then.
const PATIENCE: Duration = Duration::from_millis(100);

/// Takes probes away. What takes long goes in the background, with a word.
///
/// Not so in a PID namespace. When its first process ends, it waits for what is left there to die
/// (zap_pid_ns_processes, kernel/pid_namespace.c), up to 6.8 as a reader of `tasks_rcu_exit_srcu`
/// (exit_notify, kernel/exit.c); and what dies with probes waits for those readers
/// (synchronize_rcu_tasks). Neither ends, and nobody on the host can patch a function any more
/// (seen on 6.1).
pub fn detach(probes: Probes, marks: Marks) {
    let Probes {
        roots,
        callees,
        excluded,
        ..
    } = probes;
    let all: Vec<Probe> = roots.into_iter().chain(callees).chain(excluded).collect();
    let count = functions(&all);
    let_go((all, marks), count);
}

/// Likewise, of so many functions.
pub fn let_go<T>(all: T, count: usize) {
    if count == 0 {
        return;
    }
    if numbers::namespace().is_some() {
        drop(all);
        return;
    }
    match attach::background::let_go(all) {
        Ok(leaving) if leaving.is_over_within(PATIENCE) => {}
        Ok(leaving) => {
            let when = if switch::check().is_err() {
                " once kernel.ftrace_enabled is 1: before that it could harm the kernel"
            } else {
                ""
            };
            eprintln!(
                "tracer: {} {} let go by process {}{when}",
                many(count, "function"),
                if count == 1 { "is" } else { "are" },
                leaving.process
            );
        }
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
