//! Finding out what runs under the roots, on the running machine, before the trace begins.
//!
//! What an earlier trace has learned is taken first. Without that, the function tracer watches the roots alone, which costs
//! next to nothing, to see which tasks call them; then it watches everything, but in those tasks only, until a few root calls
//! have been seen. Where the function tracer is not to be had, or nobody calls a root, the plan is what the roots'
//! text calls. What is missing in any of them is found while the trace goes on, see `growth`.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::atomic::AtomicBool,
    time::{Duration, Instant},
};

use thiserror::Error;

use super::{
    kept::{Cache, Hits},
    sampling::{Learner, LearningError, Looker},
};
use crate::{
    kernel::{
        Address, Kernel, facts,
        symbols::{Symbols, SymbolsError},
    },
    plan::{Planned, Source, closure, interrupts::AROUND_INTERRUPTS},
};

/// Root calls after which learning may end early.
const ENOUGH_CALLS: u64 = 24;

/// Roots of a trace of which it is kept what runs below them.
const MOST_KEPT: usize = 64;

/// Levels and functions of the text that are taken where nothing was learned.
const TEXT_LEVELS: u32 = 2;
/// See [`TEXT_LEVELS`].
const TEXT_LIMIT: usize = 120;

/// What is known to run under the roots, and what the user should be told of how it was found.
#[derive(Debug)]
pub struct Learned {
    /// Functions under the roots.
    pub functions: BTreeMap<Address, Source>,
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
                .map(|function| (function.start, Source::Text { distance: 0 }))
                .collect(),
            origin: Origin::Given,
        }
    }

    /// See [`hits`].
    pub fn seen(&self) -> impl Iterator<Item = (Address, u64)> {
        hits(self.functions.iter())
    }
}

/// Functions that were seen to run under a root, with their hits: not those that are only expected to.
pub fn hits<'a>(
    known: impl Iterator<Item = (&'a Address, &'a Source)>,
) -> impl Iterator<Item = (Address, u64)> {
    known.filter_map(|(&address, source)| match *source {
        Source::Learned { hits } | Source::Before { hits } => Some((address, hits)),
        _ => None,
    })
}

/// Whether there is anybody to learn from before the trace begins.
#[derive(Debug)]
pub enum Before<'a> {
    /// Watch the machine for at most this time.
    Watch(Duration, &'a mut Looker),
    /// Nothing is to be learned.
    Off,
    /// What is to be traced does not run yet.
    Nobody,
    /// Nothing below the roots is wanted.
    RootsOnly,
}

/// What is known from before, or is learned now, or stands in the text. `tell` is told what is wrong with the cache.
pub fn learn(
    kernel: &Kernel,
    roots: &[Planned],
    cache: Option<&Cache>,
    before: Before<'_>,
    stop: &AtomicBool,
    tell: impl Fn(&str),
) -> Learned {
    let kept = cache.map(|cache| kept(kernel, roots, cache, tell));
    if let Some(functions) = kept.filter(|functions| !functions.is_empty()) {
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
        Before::Nobody => ("nothing is known from before".to_owned(), true),
        Before::Off => ("learning is switched off".to_owned(), false),
        Before::Watch(time, looker) => match watch(kernel, roots, time, looker, stop) {
            Ok(Some(learned)) => return learned,
            Ok(None) => (nobody(roots, time), true),
            Err(error) => (
                format!("the function tracer cannot be used to learn: {error}"),
                false,
            ),
        },
    };
    let addresses: Vec<Address> = roots.iter().map(|root| root.address).collect();
    Learned {
        functions: closure::reachable(kernel, &addresses, TEXT_LEVELS, TEXT_LIMIT),
        origin: Origin::Text { remark, may_grow },
    }
}

fn nobody(roots: &[Planned], time: Duration) -> String {
    let names: Vec<&str> = roots.iter().map(|root| root.name.as_str()).collect();
    let names = names.join(" or ");
    format!("nobody called {names} within {:.1} s", time.as_secs_f64())
}

/// Where it is kept what was learned; none if the kernel cannot be told from others.
pub fn cache(tell: impl Fn(&str)) -> Option<Cache> {
    let build_id = facts::build_id();
    if build_id.is_none() {
        tell("this kernel has no build id, so what is learned is not kept");
    }
    build_id.map(Cache::of)
}

/// What earlier traces learned of any of the roots.
pub fn kept(
    kernel: &Kernel,
    roots: &[Planned],
    cache: &Cache,
    tell: impl Fn(&str),
) -> BTreeMap<Address, Source> {
    let mut all = BTreeMap::new();
    if roots.len() > MOST_KEPT {
        return all;
    }
    for root in roots {
        match cache.read(&root.name) {
            Ok(kept) => {
                for (name, hits) in kept.unwrap_or_default() {
                    // Several may have the name: too many probes are better than too few.
                    for address in kernel.symbols.functions_named(&name) {
                        all.insert(address, Source::Before { hits });
                    }
                }
            }
            Err(error) => tell(&error.to_string()),
        }
    }
    all
}

/// Keeps what was seen to run under the roots, for the next trace.
pub fn keep(
    kernel: &Kernel,
    roots: &[Planned],
    cache: &Cache,
    seen: &BTreeMap<Address, u64>,
    tell: impl Fn(&str),
) {
    let named = seen.iter().filter_map(|(&address, &hits)| {
        let function = kernel.symbols.function_at(address)?;
        // A BPF program is another the next time.
        (function.start == address && function.module != Some("bpf"))
            .then(|| (function.name.to_owned(), hits))
    });
    let hits: Hits = named.collect();
    // What a glob stands for is not what somebody looks into again and again, one by one.
    if hits.is_empty() || roots.len() > MOST_KEPT {
        return;
    }
    for root in roots {
        if let Err(error) = cache.write(&root.name, &hits) {
            tell(&error.to_string());
        }
    }
}

/// Why nothing can be watched.
#[derive(Debug, Error)]
pub enum WatchError {
    /// The function tracer.
    #[error(transparent)]
    Tracer(#[from] LearningError),
    /// The symbols.
    #[error(transparent)]
    Symbols(#[from] SymbolsError),
}

/// What runs under the roots now; none if nobody calls them.
fn watch(
    kernel: &Kernel,
    roots: &[Planned],
    time: Duration,
    looker: &mut Looker,
    stop: &AtomicBool,
) -> Result<Option<Learned>, WatchError> {
    let end = Instant::now() + time;
    let names: Vec<&str> = roots.iter().map(|root| root.name.as_str()).collect();
    let starts: BTreeSet<Address> = roots.iter().map(|root| root.address).collect();
    let mut learner = Learner::new(kernel, starts);
    let mut tasks = Vec::new();
    // Short looks until enough was seen and nothing new comes: each reads what it recorded, so the buffer stays small.
    let mut look = Duration::from_millis(250);
    loop {
        // Callers that live shortly have ended before they are looked at: until one is seen to call, they are asked for again.
        if learner.root_calls() == 0 {
            let left = end.saturating_duration_since(Instant::now());
            let callers = looker.callers_of(&names, left, stop)?;
            tasks = callers.unwrap_or_default();
            if tasks.is_empty() {
                break;
            }
        }
        let Some(hits) = looker.record(&tasks, look, stop)? else {
            break;
        };
        let known = learner.members().len();
        // Read anew: BPF programs that were loaded meanwhile are among the callers.
        learner.take(&Symbols::read()?, &hits);
        let enough = learner.root_calls() >= ENOUGH_CALLS && learner.members().len() == known;
        if enough || Instant::now() >= end {
            break;
        }
        look = (look * 2).min(Duration::from_secs(1));
    }
    looker.rest(stop)?;
    if learner.root_calls() == 0 {
        return Ok(None);
    }
    let members = learner.members().iter();
    let seen = members.map(|(&address, &hits)| (address, Source::Learned { hits }));
    Ok(Some(Learned {
        // What was seen replaces what is only expected.
        functions: around(kernel).chain(seen).collect(),
        origin: Origin::Watched(learner.root_calls()),
    }))
}

fn around(kernel: &Kernel) -> impl Iterator<Item = (Address, Source)> {
    AROUND_INTERRUPTS
        .iter()
        .filter(|name| kernel.is_traceable(name))
        .filter_map(|name| kernel.symbols.address_of(name))
        .map(|address| (address, Source::Interrupt))
}
