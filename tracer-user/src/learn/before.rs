//! Finding out what runs under the roots, on the running machine, before the trace begins.
//!
//! What an earlier trace has learned is taken first. Without that, the function tracer watches the
//! roots alone, which costs next to nothing, to see which tasks call them; then it watches
//! everything, but in those tasks only, until a few root calls have been seen. Where the function
//! tracer is not to be had, or nobody calls a root, the plan is what the roots' text calls. What is
//! missing in any of them is found while the trace goes on, see [`super::growth`].

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::atomic::AtomicBool,
    time::{Duration, Instant},
};

use super::{
    kept::{self, Cache},
    sampling::{Learner, Sampler, SamplingError},
};
use crate::{
    kernel::{Address, Kernel},
    plan::{FoundBy, Planned, closure, interrupts::AROUND_INTERRUPTS},
};

/// Root calls after which learning may end early.
const ENOUGH_CALLS: u64 = 24;

/// Levels and functions of the text that are taken where nothing was learned.
const TEXT_LEVELS: u32 = 2;
/// See [`TEXT_LEVELS`].
const TEXT_LIMIT: usize = 120;

/// What is known to run under the roots, and what the user should be told of how it was found.
#[derive(Debug)]
pub struct Learned {
    /// Functions under the roots.
    pub functions: BTreeMap<Address, FoundBy>,
    /// How that is known.
    pub origin: Origin,
}

/// How it is known what runs under the roots.
#[derive(Debug, PartialEq, Eq)]
pub enum Origin {
    /// An earlier trace learned it.
    Before,
    /// So many root calls were watched.
    Watched(u64),
    /// Nothing below the roots is wanted.
    RootsOnly,
    /// The user said so.
    Given,
    /// It stands in the text, because nothing could be learned.
    Text {
        /// Why.
        remark: String,
        /// Whether learning may work later.
        may_grow: bool,
    },
}

impl Learned {
    /// All functions with these names.
    pub fn given(kernel: &Kernel, names: &BTreeSet<String>) -> Self {
        let functions = kernel.symbols.functions();
        let wanted = functions.filter(|function| names.contains(&function.shown()));
        Self {
            functions: wanted
                .map(|function| (function.start, FoundBy::Code { distance: 0 }))
                .collect(),
            origin: Origin::Given,
        }
    }

    /// See [`kept::hits`].
    pub fn seen(&self) -> impl Iterator<Item = (Address, u64)> {
        kept::hits(self.functions.iter())
    }
}

/// Whether there is anybody to learn from before the trace begins.
#[derive(Debug)]
pub enum Before<'a> {
    /// Watch the machine for at most this time.
    Sample(Duration, &'a mut Sampler),
    /// Nothing is to be learned.
    Off,
    /// Nothing can be learned here.
    Never,
    /// What is to be traced does not run yet.
    Nobody,
    /// Nothing below the roots is wanted.
    RootsOnly,
}

/// What is known from before, or is learned now, or stands in the text. `tell` is told what is
/// wrong with the cache.
pub fn learn(
    kernel: &Kernel,
    roots: &[Planned],
    cache: Option<&Cache>,
    before: Before<'_>,
    stop: &AtomicBool,
    tell: impl Fn(&str),
) -> Learned {
    let known = cache.map(|cache| kept::read(kernel, roots, cache, tell));
    if let Some(functions) = known.filter(|functions| !functions.is_empty()) {
        return Learned {
            functions: around(kernel).chain(functions).collect(),
            origin: Origin::Before,
        };
    }
    let (remark, may_grow) = match before {
        Before::RootsOnly => {
            return Learned {
                functions: BTreeMap::new(),
                origin: Origin::RootsOnly,
            };
        }
        Before::Never => ("nothing is known from before".to_owned(), false),
        Before::Nobody => ("nothing is known from before".to_owned(), true),
        Before::Off => ("learning is switched off".to_owned(), false),
        Before::Sample(time, sampler) => match sample_for(kernel, roots, time, sampler, stop) {
            Ok(Some(learned)) => return learned,
            Ok(None) => (nobody(roots, time), true),
            Err(error) => (
                format!("the function tracer cannot be used to learn: {error}"),
                false,
            ),
        },
    };
    Learned {
        functions: of_text(kernel, roots),
        origin: Origin::Text { remark, may_grow },
    }
}

/// What the text of the roots calls.
pub fn of_text(kernel: &Kernel, roots: &[Planned]) -> BTreeMap<Address, FoundBy> {
    let addresses: Vec<Address> = roots.iter().map(|root| root.address).collect();
    closure::reachable(kernel, &addresses, TEXT_LEVELS, TEXT_LIMIT)
}

fn nobody(roots: &[Planned], time: Duration) -> String {
    let names: Vec<&str> = roots.iter().map(|root| root.name.as_str()).collect();
    let names = names.join(" or ");
    format!("nobody called {names} within {:.1} s", time.as_secs_f64())
}

/// What runs under the roots now; none if nobody calls them.
fn sample_for(
    kernel: &Kernel,
    roots: &[Planned],
    time: Duration,
    sampler: &mut Sampler,
    stop: &AtomicBool,
) -> Result<Option<Learned>, SamplingError> {
    // What counts is the time in which something was recorded: to patch its functions takes a
    // kernel long.
    let mut left = time;
    let names: Vec<&str> = roots.iter().map(|root| root.name.as_str()).collect();
    let starts: BTreeSet<Address> = roots.iter().map(|root| root.address).collect();
    let mut learner = Learner::new(kernel, starts);
    let mut tasks = Vec::new();
    // Short windows until enough was seen and nothing new comes: each reads what it recorded, so
    // the buffer stays small.
    let mut window = Duration::from_millis(250);
    loop {
        // Callers that live shortly have ended before they are sampled: until one is seen to call,
        // they are asked for again.
        if learner.root_calls() == 0 {
            let began = Instant::now();
            let callers = sampler.callers_of(&names, left, stop)?;
            left = left.saturating_sub(began.elapsed());
            tasks = callers.unwrap_or_default();
            if tasks.is_empty() {
                break;
            }
        }
        let Some(hits) = sampler.record(&tasks, window, stop)? else {
            break;
        };
        let known = learner.members().len();
        // Read anew: BPF programs that were loaded meanwhile are among the callers.
        learner.take(&kernel.symbols_now()?, &hits);
        let enough = learner.root_calls() >= ENOUGH_CALLS && learner.members().len() == known;
        left = left.saturating_sub(window);
        if enough || left.is_zero() {
            break;
        }
        window = (window * 2).min(Duration::from_secs(1));
    }
    sampler.rest(stop)?;
    if learner.root_calls() == 0 {
        return Ok(None);
    }
    let members = learner.members().iter();
    let seen = members.map(|(&address, &hits)| (address, FoundBy::Learned { hits }));
    Ok(Some(Learned {
        // What was seen replaces what is only expected.
        functions: around(kernel).chain(seen).collect(),
        origin: Origin::Watched(learner.root_calls()),
    }))
}

fn around(kernel: &Kernel) -> impl Iterator<Item = (Address, FoundBy)> {
    AROUND_INTERRUPTS
        .iter()
        .filter(|name| kernel.is_traceable(name))
        .filter_map(|name| kernel.symbols.address_of(name))
        .map(|address| (address, FoundBy::Interrupt))
}
