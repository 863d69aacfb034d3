//! What a trace begins with: all functions, or what is known to run under the roots.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use anyhow::Result;

use super::{Options, tell};
use crate::{
    attach::session,
    graph::Batch,
    kernel::{Address, Kernel, Mechanisms, haste::Haste},
    learn::{
        before::{Before, Learned, Origin, learn},
        growth::{self, Sampled},
        kept::{self, Cache},
        sampling::{self, Sampler},
        wide::{Seen, Width},
    },
    model::RootCall,
    pipeline::Observe,
    plan::{Plan, Planned, Rules},
    stop::Stop,
};

/// Kernel memory that the probes of a wide trace may take, bytes.
const WIDE_MEMORY: u64 = 512 << 20;

/// What the trace begins with, and how it goes on from there.
pub enum Found {
    /// All functions, which are narrowed by what root calls bring.
    All(Arc<Seen>),
    /// What was learned.
    Some {
        /// What was seen to run under the roots, with its hits.
        seen: BTreeMap<Address, u64>,
        /// If there is to be growth: see [`pause_of`], and who samples.
        growth: Option<(Duration, Sampler)>,
        /// Root calls in sampling windows, if there are to be any. With a limit to the depth what
        /// is below it is not missing.
        sampled: Option<Sampled>,
    },
}

impl Found {
    /// Whether all functions have probes at first.
    pub const fn is_wide(&self) -> bool {
        matches!(self, Self::All(_))
    }

    /// Whether the trace begins with finding out what runs below the roots; one that stays wide has
    /// nothing to find out.
    pub const fn width(&self, options: &Options) -> Width {
        if self.is_wide() && options.again().is_some() {
            Width::Wide
        } else {
            Width::Narrow
        }
    }

    /// What root calls bring, if the trace is wide.
    pub fn seen(&self) -> Option<Arc<Seen>> {
        match self {
            Self::All(seen) => Some(Arc::clone(seen)),
            Self::Some { .. } => None,
        }
    }

    /// What was seen to run under the roots, with its hits.
    pub fn hits(&self, kernel: &Kernel) -> BTreeMap<Address, u64> {
        match self {
            Self::All(seen) => seen.functions(kernel),
            Self::Some { seen, .. } => seen.clone(),
        }
    }

    /// Root calls in sampling windows, if they are of interest.
    pub fn sampled(&self) -> Option<Sampled> {
        match self {
            Self::All(_) => None,
            Self::Some { sampled, .. } => sampled.clone(),
        }
    }

    /// What is to be told of batches and root calls.
    pub fn observer(&self) -> Observer {
        Observer {
            seen: self.seen(),
            sampled: self.sampled(),
        }
    }

    /// The sampling process, if there is one.
    pub fn sampler(&self) -> Option<u32> {
        match self {
            Self::Some {
                growth: Some((_, sampler)),
                ..
            } => Some(sampler.process()),
            _ => None,
        }
    }
}

/// What finds out what runs under the roots sees batches and root calls pass.
pub struct Observer {
    seen: Option<Arc<Seen>>,
    sampled: Option<Sampled>,
}

impl Observe for Observer {
    fn batch(&self, batch: &Batch) {
        if let Some(seen) = &self.seen {
            seen.batch(batch);
        }
    }

    fn root_call(&self, call: &RootCall) {
        if let Some(sampled) = &self.sampled {
            sampled.root_call(call);
        }
    }
}

/// Who asks, and of whom.
pub struct Asked<'a> {
    /// What the user asked for.
    pub options: &'a Options,
    /// The running kernel.
    pub kernel: &'a Kernel,
    /// What must not be attached.
    pub rules: &'a Rules,
    /// What was learned before.
    pub cache: Option<&'a Cache>,
}

impl Asked<'_> {
    /// Whether the kernel attaches all functions at once, it can be told which of them would do
    /// harm, and there is memory for it.
    pub fn can_be_wide(&self, mechanisms: Mechanisms) -> bool {
        let functions = self.kernel.traceable_functions().len();
        if mechanisms.by_address().is_none() || functions == 0 {
            return false;
        }
        if self.kernel.text.is_none() {
            eprintln!(
                "tracer: the kernel's machine code cannot be read from /proc/kcore, and only that \
                tells which \
                 functions must have no probe, so the trace is gentle"
            );
            return false;
        }
        let memory = session::memory(self.kernel, functions);
        if memory > WIDE_MEMORY {
            eprintln!(
                "tracer: probes on all functions would take {} MiB of kernel memory with {} CPUs, \
                 so the trace is gentle",
                memory >> 20,
                self.kernel.possible_cpus
            );
        }
        memory <= WIDE_MEMORY
    }

    /// All functions that the rules allow.
    pub fn wide(&self, roots: Vec<Planned>, excluded: Vec<Planned>) -> (Plan, Found) {
        let tell = |words: &str| tell::more(self.options.verbose, words);
        let known = self
            .cache
            .map(|cache| kept::read(self.kernel, &roots, cache, tell));
        let known = kept::hits(known.iter().flatten());
        let _haste = Haste::begin();
        let plan = Plan::wide(self.kernel, self.rules, roots, excluded);
        tell::excluded(&plan, self.options.verbose);
        (plan, Found::All(Arc::new(Seen::known(known))))
    }

    /// What is known from before, or is learned now. `held` is the process of a command that waits.
    pub fn gentle(
        &self,
        roots: Vec<Planned>,
        excluded: Vec<Planned>,
        held: Option<u32>,
        stop: &Stop,
    ) -> Result<(Plan, Found)> {
        let options = self.options;
        let tell = |words: &str| tell::more(options.verbose, words);
        let learns = options.learns();
        let time = learns.filter(|_| !roots.is_empty() && !sampling::is_skipped());
        let mut sampler = time.map(|_| Sampler::start()).transpose()?;
        let before = match (held, time.zip(sampler.as_mut())) {
            _ if options.is_roots_only() => Before::RootsOnly,
            _ if roots.is_empty() => Before::Off,
            (_, None) if learns.is_some() => Before::Never,
            (_, None) => Before::Off,
            (Some(_), _) => Before::Nobody,
            (None, Some((time, sampler))) => Before::Sample(time, sampler),
        };
        let learned = match &options.functions {
            Some(names) => Learned::given(self.kernel, names),
            None => learn(self.kernel, &roots, self.cache, before, stop.flag(), tell),
        };
        let growth = pause_of(&learned.origin).zip(sampler);
        let found = Found::Some {
            seen: learned.seen().collect(),
            sampled: (growth.is_some() && options.show.capture.depth.is_none())
                .then(Sampled::default),
            growth,
        };
        let plan = Plan::new(self.kernel, self.rules, roots, learned.functions).hide(excluded);
        tell::planned(&plan, &learned.origin, options.verbose);
        Ok((plan, found))
    }
}

/// How long growth waits before its first sampling window; none if there is to be no growth.
const fn pause_of(origin: &Origin) -> Option<Duration> {
    match origin {
        Origin::RootsOnly
        | Origin::Given
        | Origin::Text {
            may_grow: false, ..
        } => None,
        Origin::Text { .. } | Origin::Before => Some(Duration::ZERO),
        Origin::Watched(_) => Some(growth::AFTER_LEARNING),
    }
}
