//! Which functions are traced, and why not the others.
//!
//! The user names roots; the functions under them are found. [`roots`] turns what the user typed
//! into functions, [`closure`] finds what their text calls, [`rules`] says what must be left alone,
//! [`programs`] knows BPF programs, [`interrupts`] what runs at the edges of one, [`described`]
//! says what is known of each, [`current`] as modules come and go. What runs under the roots is
//! found out in [`crate::learn`].

pub mod closure;
mod current;
pub mod described;
pub mod fields;
pub mod interrupts;
pub mod programs;
mod prototypes;
pub mod roots;
pub mod rules;
mod wide;

use std::collections::{BTreeMap, BTreeSet};

pub use current::Current;
pub use described::function_info;
pub use fields::{Asked, ByPlan, FieldError, FieldPlan};
pub use programs::OthersPrograms;
pub use prototypes::prototypes;
pub use roots::{
    EVERYTHING, MOST_NAMED, RootError, Shown, check_hidden, check_through, found_roots,
    functions_of, may_come, resolve_or_wait, resolve_roots, without_excluded,
};
pub use rules::{Reason, Rules, Scope, Worth};
pub use wide::is_own_tracepoint;

use crate::{
    kernel::{Address, Kernel},
    model::FunctionId,
};

/// From where a function is known to run under a root.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum FoundBy {
    /// The user named it.
    Root,
    /// It was seen to run under a root, so many times.
    Learned {
        /// Times it was hit while learning.
        hits: u64,
    },
    /// It was seen to run under a root in an earlier trace, and not in this one yet.
    Before {
        /// Times it was hit then.
        hits: u64,
    },
    /// It runs when an interrupt comes in or goes out, which can be in the middle of any root call.
    Interrupt,
    /// All functions get probes.
    Everything,
    /// The code of a function of the plan calls it.
    Code {
        /// Calls between a root and it.
        distance: u32,
    },
}

/// How a function's probes find it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reach {
    /// It has a type, by which a trampoline can serve it.
    Type,
    /// Only its address tells it apart: kprobe.session.
    Address,
    /// By its address, too, and trampolines call it for every probe.
    Shared,
    /// It has a type among those of this module.
    Module(String),
    /// It has a type among those of the BPF program that it is of.
    Program,
}

/// A function that gets probes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Planned {
    /// Its name.
    pub name: String,
    /// Where it begins.
    pub address: Address,
    /// From where it is known.
    pub source: FoundBy,
    /// How its probes find it.
    pub reach: Reach,
}

/// A function that would belong to the graph but gets no probes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Skipped {
    /// Its name.
    pub name: String,
    /// Why.
    pub reason: Reason,
    /// From where it is known.
    pub source: FoundBy,
}

/// What will be attached.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Plan {
    /// Functions that open root calls.
    pub roots: Vec<Planned>,
    /// Functions that are recorded inside root calls.
    pub callees: Vec<Planned>,
    /// Functions that are excluded from the graph with all below them.
    pub excluded: Vec<Planned>,
    /// Functions that are not attached.
    pub skipped: Vec<Skipped>,
}

impl Plan {
    /// Makes the plan from what is known to run under the roots.
    pub fn new(
        kernel: &Kernel,
        rules: &Rules,
        roots: Vec<Planned>,
        known: BTreeMap<Address, FoundBy>,
    ) -> Self {
        let mut plan = Self {
            roots,
            ..Self::default()
        };
        let roots = plan.root_addresses();
        for (address, source) in known {
            if !roots.contains(&address) {
                plan.add(kernel, rules, address, source);
            }
        }
        plan
    }

    fn root_addresses(&self) -> BTreeSet<Address> {
        self.roots.iter().map(|root| root.address).collect()
    }

    fn add(&mut self, kernel: &Kernel, rules: &Rules, address: Address, source: FoundBy) {
        let function = kernel.symbols.function_at(address);
        let of_kernel =
            function.filter(|known| known.start == address && known.module != Some("bpf"));
        let (name, reach) = match of_kernel {
            Some(function) => (function.shown(), rules.check(kernel, &function)),
            // A BPF program: the symbols may be older than it.
            None => match rules.program(address) {
                Ok(name) => (format!("{name} [bpf]"), Ok(Reach::Program)),
                Err(reason) => (format!("program at {address} [bpf]"), Err(reason)),
            },
        };
        self.decide(name, address, source, reach);
    }

    /// A callee if it can be reached, otherwise skipped.
    fn decide(
        &mut self,
        name: String,
        address: Address,
        source: FoundBy,
        reach: Result<Reach, Reason>,
    ) {
        match reach {
            Ok(reach) => self.callees.push(Planned {
                name,
                address,
                source,
                reach,
            }),
            Err(reason) => self.skipped.push(Skipped {
                name,
                reason,
                source,
            }),
        }
    }

    /// The same plan with `excluded` functions, which are no callees.
    #[must_use]
    pub fn hide(mut self, excluded: Vec<Planned>) -> Self {
        let is_excluded = |address| excluded.iter().any(|function| function.address == address);
        self.callees.retain(|callee| !is_excluded(callee.address));
        self.excluded = excluded;
        self
    }
}

/// How an event names the function at `address`.
pub fn function_id(address: Address) -> FunctionId {
    // The wire format keeps the low 32 bits: see `Event::function`.
    #[allow(clippy::cast_possible_truncation)]
    FunctionId(address.0 as u32)
}
