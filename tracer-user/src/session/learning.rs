//! Finding out what runs under the roots, on the running machine.
//!
//! First the function tracer watches the roots alone, which costs next to nothing, to see which tasks call them;
//! then it watches everything, but in those tasks only, until a few root calls have been seen. Where the
//! function tracer is not to be had, or nobody calls a root, the plan is what the roots' text calls.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::{Duration, Instant},
};

use thiserror::Error;

use super::Stop;
use crate::{
    kernel::{
        Address, Kernel,
        learning::{FunctionTracer, LearningError},
        symbols::{Symbols, SymbolsError},
    },
    plan::{
        Planned, Source, closure,
        learn::{AROUND_INTERRUPTS, Learner},
    },
};

/// Root calls after which learning may end early.
const ENOUGH_CALLS: u64 = 24;

/// Levels and functions of the text that are taken where nothing was learned.
const TEXT_LEVELS: u32 = 2;
/// See [`TEXT_LEVELS`].
const TEXT_LIMIT: usize = 120;

/// What is known to run under the roots, and what the user should be told of how it was found.
#[derive(Debug, Default)]
pub struct Learned {
    /// Functions under the roots.
    pub functions: BTreeMap<Address, Source>,
    /// Root calls that were watched.
    pub root_calls: u64,
    /// Why nothing was learned, if nothing was.
    pub remark: Option<String>,
}

/// Watches the machine for at most `time`.
pub fn learn(kernel: &Kernel, roots: &[Planned], time: Duration, stop: &Stop) -> Learned {
    let mut learned = if time.is_zero() {
        Learned {
            remark: Some("learning is switched off".to_owned()),
            ..Learned::default()
        }
    } else {
        match watch(kernel, roots, time, stop) {
            Ok(learned) => learned,
            Err(error) => Learned {
                remark: Some(format!(
                    "the function tracer cannot be used to learn: {error}"
                )),
                ..Learned::default()
            },
        }
    };
    if learned.functions.is_empty() && learned.root_calls == 0 {
        let addresses: Vec<Address> = roots.iter().map(|root| root.address).collect();
        learned.functions = closure::reachable(kernel, &addresses, TEXT_LEVELS, TEXT_LIMIT);
    }
    learned
}

/// Why nothing can be watched.
#[derive(Debug, Error)]
enum WatchError {
    #[error(transparent)]
    Tracer(#[from] LearningError),
    #[error(transparent)]
    Symbols(#[from] SymbolsError),
}

fn watch(
    kernel: &Kernel,
    roots: &[Planned],
    time: Duration,
    stop: &Stop,
) -> Result<Learned, WatchError> {
    let end = Instant::now() + time;
    let names: Vec<&str> = roots.iter().map(|root| root.name.as_str()).collect();
    let starts: BTreeSet<Address> = roots.iter().map(|root| root.address).collect();
    let mut tracer = FunctionTracer::new()?;
    let tasks = tracer.callers_of(&names, time, stop.flag())?;
    if tasks.is_empty() {
        return Ok(Learned {
            remark: Some(format!(
                "nobody called {} within {:.1} s",
                names.join(" or "),
                time.as_secs_f64()
            )),
            ..Learned::default()
        });
    }
    let mut learner = Learner::new(kernel, starts);
    // Short looks until enough was seen and nothing new comes: each reads what it recorded, so the buffer stays small.
    let mut look = Duration::from_millis(250);
    while !stop.is_wanted() {
        let known = learner.members().len();
        let hits = tracer.record(Some(&tasks), look, stop.flag())?;
        // Read anew: BPF programs that were loaded meanwhile are among the callers.
        learner.take(&Symbols::read()?, &hits);
        let enough = learner.root_calls() >= ENOUGH_CALLS && learner.members().len() == known;
        if enough || Instant::now() >= end {
            break;
        }
        look = (look * 2).min(Duration::from_secs(1));
    }
    let around = AROUND_INTERRUPTS
        .iter()
        .filter(|name| kernel.is_traceable(name))
        .filter_map(|name| kernel.symbols.address_of(name))
        .map(|address| (address, Source::Interrupt));
    let members = learner.members().iter();
    let seen = members.map(|(&address, &hits)| (address, Source::Learned { hits }));
    Ok(Learned {
        // What was seen replaces what is only expected.
        functions: around.chain(seen).collect(),
        root_calls: learner.root_calls(),
        remark: None,
    })
}
