//! The probes of a trace: put in before it is armed, taken away after it is disarmed, with a word to the user where it takes long.

use std::time::{Duration, Instant};

use anyhow::Result;
use indicatif::{ProgressBar, ProgressStyle};

use super::{Stop, growth::Work};
use crate::{
    attach::{self, AttachError, Attacher, Observer, Probe, Role},
    plan::{Plan, Planned},
};

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

/// The user waits no longer for probes that go.
const PATIENCE: Duration = Duration::from_millis(300);

/// Pairs that are let go before the prompt, at most. Of one alone nobody can say how long it takes: on 6.1 a busy machine was seen to wait 2.6 s for the
/// first of 246.
const FEW_PAIRS: usize = 8;

/// Why probes go behind the prompt.
enum Behind {
    /// The kernel is still busy with the last look.
    Look,
    /// Each has links of its own.
    Pairs,
    /// They are expected to take so long.
    Slow(Duration),
}

/// Takes probes away, the roots' first. What would take long goes behind the prompt, with a word; all of it, if the kernel is busy.
pub fn detach(probes: Probes, kernel: Work) {
    let Probes {
        roots,
        callees,
        hidden,
    } = probes;
    let mut rest: Vec<Probe> = roots.into_iter().chain(callees).chain(hidden).collect();
    rest.reverse();
    if kernel == Work::Busy && !rest.is_empty() {
        return let_go(rest, &Behind::Look);
    }
    let pairs = rest.iter().filter(|probe| matches!(probe, Probe::Pair(_)));
    if pairs.count() > FEW_PAIRS {
        return let_go(rest, &Behind::Pairs);
    }
    let begin = Instant::now();
    let mut gone = 0;
    while let Some(probe) = rest.pop() {
        gone += 1;
        drop(probe);
        // As long as those before have taken: a link of many functions takes hardly longer than that of one.
        let time = begin.elapsed() * to_u32(rest.len()) / gone;
        if !rest.is_empty() && begin.elapsed() + time > PATIENCE {
            return let_go(rest, &Behind::Slow(time));
        }
    }
}

fn let_go(probes: Vec<Probe>, behind: &Behind) {
    let count = functions(&probes);
    let how = match behind {
        Behind::Look => "which begins when the kernel has ended the last look".to_owned(),
        Behind::Pairs => "one after the other".to_owned(),
        Behind::Slow(time) => format!("which takes about {} s on this kernel", time.as_secs() + 1),
    };
    match attach::behind::let_go(probes) {
        Ok(process) => {
            eprintln!("tracer: {count} functions are let go by process {process}, {how}");
        }
        // They are gone, if late.
        Err(error) => log::debug!("no process to let probes go: {error}"),
    }
}

fn to_u32(count: usize) -> u32 {
    u32::try_from(count).unwrap_or(u32::MAX)
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
