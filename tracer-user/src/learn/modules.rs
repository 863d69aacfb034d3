//! Modules that are loaded or unloaded while a trace goes on.
//!
//! The kernel is asked ten times a second which modules there are. If that has changed, all that is
//! known of it is read anew, and of what a new module brings the roots and what is excluded are
//! found by what the user typed. What a module does while it is loaded comes before that. A module
//! whose functions have probes cannot be unloaded: the kernel refuses that.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    time::{Duration, Instant},
};

use crate::{
    kernel::{Kernel, modules},
    model::many,
    plan::{self, Current, Plan, Planned, Rules},
};

/// How often the kernel is asked.
const TICK: Duration = Duration::from_millis(100);

/// What the user typed.
#[derive(Clone, Debug, Default)]
pub struct Typed {
    /// After `-G`.
    pub roots: Vec<String>,
    /// After `-g`.
    pub excluded: Vec<String>,
    /// After `-N`.
    pub not_roots: Vec<String>,
}

/// Knows which modules there are.
pub struct Modules {
    current: Arc<Current>,
    rules: Arc<Rules>,
    typed: Typed,
    loaded: BTreeMap<String, String>,
    asked: Instant,
}

/// What has changed.
pub struct Change {
    /// What is known of the kernel now.
    pub kernel: Arc<Kernel>,
    /// Roots of modules that have come.
    pub roots: Vec<Planned>,
    /// What is excluded of them.
    pub excluded: Vec<Planned>,
    /// All else of them, so far as it may be one of very many.
    pub others: Vec<Planned>,
    /// Names of the modules that have come.
    pub come: BTreeSet<String>,
}

impl Modules {
    /// As they are when the trace begins.
    pub fn new(current: Arc<Current>, rules: Arc<Rules>, typed: Typed) -> Self {
        Self {
            current,
            rules,
            typed,
            loaded: modules::loaded().unwrap_or_default(),
            asked: Instant::now(),
        }
    }

    /// Whether a module can bring roots.
    pub fn may_bring_roots(&self) -> bool {
        self.typed.roots.iter().any(|typed| plan::may_come(typed))
    }

    /// What has changed since the kernel was asked last, if it is time to ask.
    pub fn changed(&mut self) -> Option<Change> {
        if self.asked.elapsed() < TICK {
            return None;
        }
        self.asked = Instant::now();
        let now = modules::loaded().ok()?;
        if now == self.loaded {
            return None;
        }
        let kernel = match self.current.kernel().read_again() {
            Ok(kernel) => Arc::new(kernel),
            Err(error) => {
                log::warn!("what a module has brought is not known: {error}");
                return None;
            }
        };
        let before = std::mem::replace(&mut self.loaded, now);
        let is_other = |module: &str| before.get(module) != self.loaded.get(module);
        self.current.replace(Arc::clone(&kernel), |module| {
            before.contains_key(module) && is_other(module)
        });
        let come = self.loaded.keys().filter(|module| is_other(module));
        let come: BTreeSet<String> = come.cloned().collect();
        Some(self.brought(kernel, come))
    }

    fn brought(&self, kernel: Arc<Kernel>, come: BTreeSet<String>) -> Change {
        let is_new = |planned: &Planned| {
            let function = kernel.symbols.function_at(planned.address);
            function.is_some_and(|function| {
                let module = function.module;
                module.is_some_and(|module| come.contains(module))
                    && !self.current.is_taken(&function)
            })
        };
        let find = |typed: &[String]| -> Vec<Planned> {
            let found = plan::found_roots(&kernel, &self.rules, typed).into_iter();
            found.filter(is_new).collect()
        };
        let (mut roots, excluded) = (find(&self.typed.roots), find(&self.typed.excluded));
        let not_roots = find(&self.typed.not_roots);
        let is_root = |one: &Planned| !excluded.contains(one) && !not_roots.contains(one);
        roots.retain(is_root);
        let plan = Plan::wide(&kernel, &self.rules, roots, excluded);
        let others = plan.callees.into_iter().filter(is_new).collect();
        Change {
            roots: plan.roots,
            excluded: plan.excluded,
            others,
            kernel,
            come,
        }
    }
}

impl Change {
    /// Says which modules have come, and what is traced of them.
    pub fn tell(&self, functions: usize, verbose: bool) {
        if self.come.is_empty() || (self.roots.is_empty() && !verbose) {
            return;
        }
        let names: Vec<&str> = self.come.iter().map(String::as_str).collect();
        let (noun, verb) = match *names {
            [_] => ("module", "was"),
            _ => ("modules", "were"),
        };
        eprintln!(
            "tracer: {noun} {} {verb} loaded: {} from now on, {} below",
            names.join(", "),
            many(self.roots.len(), "root"),
            many(functions, "function")
        );
    }
}
