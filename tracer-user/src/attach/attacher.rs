//! Attaching functions, whichever way.
//!
//! A function that a trampoline can serve goes the way that was chosen; one that only its address tells apart goes by
//! kprobe.session. All make the same events, so a graph may have both.

use std::sync::Arc;

use super::{
    AttachError, Object, Pair, Role, Way,
    multi::{self, Multi},
    programs::Programs,
    session::{self, Session},
};
use crate::{
    kernel::Kernel,
    plan::{Planned, Reach},
};

/// Who wants to know how attaching goes.
pub trait Observer {
    /// So many functions more have their probes.
    fn attached(&mut self, functions: usize);
    /// One is not accepted. An error ends the attaching.
    fn refused(&mut self, error: AttachError) -> Result<(), AttachError>;
    /// Whether to leave it at what is attached.
    fn is_stopped(&self) -> bool;
}

/// Probes in the kernel. Dropping it takes them away.
#[derive(Debug)]
pub enum Probe {
    /// Of one function.
    Pair(Pair),
    /// Of many.
    Multi(Multi),
    /// Of many.
    Session(Session),
}

impl Probe {
    /// How many functions have these probes.
    pub const fn functions(&self) -> usize {
        match self {
            Self::Pair(_) => 1,
            Self::Multi(multi) => multi.functions(),
            Self::Session(session) => session.functions(),
        }
    }
}

/// The loaded object, with what attaching needs.
pub struct Attacher {
    object: Object,
    btf: aya::Btf,
    kernel: Arc<Kernel>,
    way: Way,
    programs: Programs,
}

impl Attacher {
    /// Attaches by `way`, which the kernel must have.
    pub fn new(object: Object, btf: aya::Btf, kernel: Arc<Kernel>, way: Way) -> Self {
        Self {
            programs: Programs::new(&object, &kernel.types),
            object,
            btf,
            kernel,
            way,
        }
    }

    /// How many functions are best attached at once.
    pub const fn at_once(&self) -> usize {
        match self.way {
            Way::Pair => 1,
            Way::Multi | Way::Session => usize::MAX,
        }
    }

    /// Attaches what the kernel accepts of `functions`.
    pub fn attach(
        &mut self,
        functions: &[Planned],
        role: Role,
        observer: &mut dyn Observer,
    ) -> Result<Vec<Probe>, AttachError> {
        let (by_type, by_address): (Vec<&Planned>, Vec<&Planned>) = functions
            .iter()
            .partition(|function| function.reach == Reach::Type);
        let mut probes = self.attach_by(Way::Session, &by_address, role, observer)?;
        probes.extend(self.attach_by(self.way, &by_type, role, observer)?);
        Ok(probes)
    }

    fn attach_by(
        &mut self,
        way: Way,
        functions: &[&Planned],
        role: Role,
        observer: &mut dyn Observer,
    ) -> Result<Vec<Probe>, AttachError> {
        if functions.is_empty() || observer.is_stopped() {
            return Ok(Vec::new());
        }
        let programs = &mut self.programs;
        match way {
            Way::Multi => multi::attach(programs, &self.kernel.types, functions, role, observer),
            Way::Session => session::attach(programs, functions, role, observer),
            Way::Pair => self.pairs(functions, role, observer),
        }
    }

    fn pairs(
        &mut self,
        functions: &[&Planned],
        role: Role,
        observer: &mut dyn Observer,
    ) -> Result<Vec<Probe>, AttachError> {
        let mut probes = Vec::with_capacity(functions.len());
        for function in functions {
            if observer.is_stopped() {
                break;
            }
            match Pair::attach(&mut self.object, &self.btf, &function.name, role) {
                Ok(pair) => {
                    probes.push(Probe::Pair(pair));
                    observer.attached(1);
                }
                Err(error @ AttachError::Function { .. }) => observer.refused(error)?,
                Err(error) => return Err(error),
            }
        }
        Ok(probes)
    }
}
