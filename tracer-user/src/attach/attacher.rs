//! Attaching functions, whichever way.
//!
//! A function that a trampoline can serve goes by the mechanism that was chosen; one that only its
//! address tells apart goes by kprobe.session, and one that has types of its own goes as a pair.
//! All make the same events, so a graph may have all three.

use std::sync::Arc;

use super::{
    AttachError, FieldTables, Object, Observer, Probe, Role, Side, Strings,
    observer::FirstTry,
    pair::Loaded,
    programs::Programs,
    session::{self, LinkShape},
};
use crate::{
    bpf::Many,
    kernel::{Kernel, Mechanism, Mechanisms},
    plan::{Planned, Reach},
};

/// The loaded object, with what attaching needs.
pub struct Attacher {
    /// Its maps are those of the programs.
    _object: Object,
    kernel: Arc<Kernel>,
    mechanisms: Mechanisms,
    mechanism: Mechanism,
    programs: Programs,
    strings: Option<Strings>,
    fields: Option<FieldTables>,
}

impl Attacher {
    /// Attaches by `mechanism`, which the kernel must have; `mechanisms` are all that it has.
    /// `strings` are there if they are wanted, and so are `fields`.
    pub fn new(
        object: Object,
        kernel: Arc<Kernel>,
        mechanisms: Mechanisms,
        mechanism: Mechanism,
        (strings, fields): (Option<Strings>, Option<FieldTables>),
    ) -> Self {
        Self {
            programs: Programs::new(&object, &kernel.types),
            _object: object,
            kernel,
            mechanisms,
            mechanism,
            strings,
            fields,
        }
    }

    /// What a function is whose role is `role`, with its fields.
    fn role_of(&self, function: &Planned, role: Role) -> Role {
        let has_fields = |fields: &FieldTables| fields.has(function.address);
        if self.fields.as_ref().is_some_and(has_fields) {
            role.with_fields()
        } else {
            role
        }
    }

    /// What is known of the kernel from now on: a module has come or gone.
    pub fn know(&mut self, kernel: Arc<Kernel>) {
        self.kernel = kernel;
    }

    /// The mechanism that was chosen.
    pub const fn mechanism(&self) -> Mechanism {
        self.mechanism
    }

    /// As [`Self::attach`], by another mechanism than the one that was chosen.
    pub fn attach_as(
        &mut self,
        mechanism: Mechanism,
        functions: &[Planned],
        role: Role,
        side: Side,
        observer: &mut dyn Observer,
    ) -> Result<Vec<Probe>, AttachError> {
        let chosen = std::mem::replace(&mut self.mechanism, mechanism);
        let attached = self.attach(functions, role, side, observer);
        self.mechanism = chosen;
        attached
    }

    /// How many functions are best attached at once.
    pub const fn at_once(&self) -> usize {
        match self.mechanism {
            Mechanism::Pair => 1,
            Mechanism::Multi | Mechanism::Kprobe | Mechanism::KprobeMulti => usize::MAX,
        }
    }

    /// Tells the eBPF side which arguments of these functions are strings, if it is asked for them.
    pub fn enter_strings(&mut self, functions: &[Planned]) -> Result<(), AttachError> {
        if let Some(strings) = &mut self.strings {
            strings.enter(&self.kernel, functions)?;
        }
        Ok(())
    }

    /// Attaches what the kernel accepts of `functions`. Roots and what is excluded serve both
    /// sides.
    pub fn attach(
        &mut self,
        functions: &[Planned],
        role: Role,
        side: Side,
        observer: &mut dyn Observer,
    ) -> Result<Vec<Probe>, AttachError> {
        self.enter_strings(functions)?;
        let mut probes = Vec::new();
        let (shared, rest): (Vec<&Planned>, Vec<&Planned>) = functions
            .iter()
            .partition(|function| function.reach == Reach::Shared && role == Role::Callee);
        probes.extend(self.attach_by(
            self.by_address(),
            &shared,
            (Role::Shared, side),
            observer,
        )?);
        let (with_fields, plain): (Vec<&Planned>, Vec<&Planned>) = rest
            .into_iter()
            .partition(|function| self.role_of(function, role) != role);
        for (some, role) in [(with_fields, role.with_fields()), (plain, role)] {
            probes.extend(self.attach_by_mechanism(&some, (role, side), observer)?);
        }
        self.kernel.code_has_changed();
        Ok(probes)
    }

    fn attach_by_mechanism(
        &mut self,
        functions: &[&Planned],
        (role, side): (Role, Side),
        observer: &mut dyn Observer,
    ) -> Result<Vec<Probe>, AttachError> {
        let mut probes = Vec::new();
        for mechanism in [
            Mechanism::Kprobe,
            Mechanism::KprobeMulti,
            Mechanism::Pair,
            Mechanism::Multi,
        ] {
            let some: Vec<&Planned> = functions
                .iter()
                .filter(|function| self.mechanism_of(function, role) == mechanism)
                .copied()
                .collect();
            let at = (role, side);
            probes.extend(self.attach_or_else_by_address(mechanism, &some, at, observer)?);
        }
        Ok(probes)
    }

    /// Trampolines refuse functions that never return (`noreturn_deny`, kernel/bpf/verifier.c,
    /// 6.16+). To an fprobe they are like others.
    fn attach_or_else_by_address(
        &mut self,
        mechanism: Mechanism,
        functions: &[&Planned],
        at: (Role, Side),
        observer: &mut dyn Observer,
    ) -> Result<Vec<Probe>, AttachError> {
        let by_address = self.mechanisms.by_address();
        if by_address.is_none_or(|by_address| by_address == mechanism) {
            return self.attach_by(mechanism, functions, at, observer);
        }
        let mut first = FirstTry::new(observer, functions);
        let mut probes = self.attach_by(mechanism, functions, at, &mut first)?;
        let (observer, refused) = first.again();
        probes.extend(self.attach_by(self.by_address(), &refused, at, observer)?);
        Ok(probes)
    }

    /// A probe of a trampoline can be preempted, and as long as its task waits the kernel skips
    /// that program for everybody else on the CPU. A root whose return is missed does not end, and
    /// with thousands of tasks in a queue thousands are missed (seen on 7.3). An fprobe's handler
    /// runs with preemption off.
    fn mechanism_of(&self, function: &Planned, role: Role) -> Mechanism {
        let by_trampolines = matches!(self.mechanism, Mechanism::Multi | Mechanism::Pair);
        match function.reach {
            Reach::Type if role.is_root() && by_trampolines && self.mechanisms.kprobe => {
                Mechanism::Kprobe
            }
            Reach::Type => self.mechanism,
            Reach::Address | Reach::Shared => self.by_address(),
            Reach::Module(_) | Reach::Program => Mechanism::Pair,
        }
    }

    /// How what has an address and no more is attached; rules let no such function pass where there
    /// is no way.
    pub fn by_address(&self) -> Mechanism {
        self.mechanisms.by_address().unwrap_or(Mechanism::Pair)
    }

    fn attach_by(
        &mut self,
        mechanism: Mechanism,
        functions: &[&Planned],
        at: (Role, Side),
        observer: &mut dyn Observer,
    ) -> Result<Vec<Probe>, AttachError> {
        if functions.is_empty() || observer.is_stopped() {
            return Ok(Vec::new());
        }
        let kind = match mechanism {
            Mechanism::Multi => LinkShape::Session(Many::Trampolines),
            Mechanism::Kprobe => LinkShape::Session(Many::Fprobe),
            Mechanism::KprobeMulti => LinkShape::EndByEnd,
            Mechanism::Pair => {
                let mut probes = Vec::with_capacity(functions.len());
                for function in functions {
                    let loaded = self.load_pairs(&[function], at, observer)?;
                    probes.extend(link_each(loaded, observer)?);
                }
                return Ok(probes);
            }
        };
        let (programs, kernel) = (&mut self.programs, &self.kernel);
        let sessions = session::attach(programs, kernel, kind, functions, at, observer)?;
        Ok(sessions.into_iter().map(Probe::Session).collect())
    }

    /// Loads the programs of pairs for `functions`, so far as the kernel accepts them, and attaches
    /// none.
    pub fn load_pairs(
        &self,
        functions: &[&Planned],
        (role, side): (Role, Side),
        observer: &mut dyn Observer,
    ) -> Result<Vec<LoadedPair>, AttachError> {
        let mut all = Vec::with_capacity(functions.len());
        for &function in functions {
            if observer.is_stopped() {
                break;
            }
            let role = self.role_of(function, role);
            match Loaded::load(&self.programs, &self.kernel, function, role, side) {
                Ok(loaded) => all.push(LoadedPair {
                    function: function.clone(),
                    loaded,
                }),
                Err(error @ AttachError::Function { .. }) => observer.refused(error)?,
                Err(error) => return Err(error),
            }
        }
        Ok(all)
    }

    /// Attaches pairs whose programs are there, in this order.
    pub fn link_pairs(
        &self,
        pairs: Vec<LoadedPair>,
        observer: &mut dyn Observer,
    ) -> Result<Vec<Probe>, AttachError> {
        let probes = link_each(pairs, observer);
        self.kernel.code_has_changed();
        probes
    }
}

fn link_each(
    pairs: Vec<LoadedPair>,
    observer: &mut dyn Observer,
) -> Result<Vec<Probe>, AttachError> {
    let mut probes = Vec::with_capacity(pairs.len());
    for LoadedPair { function, loaded } in pairs {
        if observer.is_stopped() {
            break;
        }
        match loaded.link() {
            Ok(pair) => {
                probes.push(Probe::Pair(pair));
                observer.attached(&[&function]);
            }
            Err(error @ AttachError::Function { .. }) => observer.refused(error)?,
            Err(error) => return Err(error),
        }
    }
    Ok(probes)
}

/// A function whose pair of programs is loaded.
#[derive(Debug)]
pub struct LoadedPair {
    /// The function.
    pub function: Planned,
    loaded: Loaded,
}
