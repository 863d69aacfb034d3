//! Putting a set of probes on the side that is free, and taking it away again.
//!
//! While a set is attached the other one is armed, and both may be on the same functions, so exits
//! are kept until one of them has gone ([`Sets::overlap`]). The end of the trace stops whatever is
//! under way here: what is attached by then goes with the process.

use std::{
    collections::BTreeSet,
    sync::{Arc, Mutex},
    time::Instant,
};

use super::sets::{self, Sets};
use crate::{
    attach::{AttachError, Attacher, ObjectError, Observer, Probe, Role, Side},
    kernel::{Address, Kernel, Mechanism},
    plan::Planned,
};

/// The trace has ended, or something failed.
pub enum Stopped {
    /// The trace has ended.
    Ended,
    /// Something failed.
    Failed(anyhow::Error),
}

impl<E: Into<anyhow::Error>> From<E> for Stopped {
    fn from(error: E) -> Self {
        Self::Failed(error.into())
    }
}

/// Attaches to the sets of a trace.
pub struct Attaching {
    attacher: Attacher,
    sets: Arc<Mutex<Sets>>,
}

impl Attaching {
    /// `sets` are those of the trace, of which one is armed.
    pub const fn new(attacher: Attacher, sets: Arc<Mutex<Sets>>) -> Self {
        Self { attacher, sets }
    }

    /// The mechanism that was chosen for the trace.
    pub const fn mechanism(&self) -> Mechanism {
        self.attacher.mechanism()
    }

    /// What is known of the kernel from now on.
    pub fn know(&mut self, kernel: Arc<Kernel>) {
        self.attacher.know(kernel);
    }

    /// Attaches functions that serve both sides as long as the trace goes on.
    pub fn attach_shared(&mut self, functions: &[Planned], role: Role) -> Result<(), Stopped> {
        let Self { attacher, sets } = self;
        let mut progress = Progress::of(sets);
        let side = sets::lock(sets).armed();
        let probes = attacher.attach(functions, role, side, &mut progress)?;
        sets::lock(&self.sets).share(probes);
        Ok(())
    }

    /// How any number of functions is attached at once.
    pub fn by_address(&self) -> Mechanism {
        self.attacher.by_address()
    }

    /// The side on which the next set can be attached.
    pub fn free(&self) -> Side {
        sets::lock(&self.sets).free()
    }

    /// How many functions the armed set has.
    pub fn functions_armed(&self) -> usize {
        let sets = sets::lock(&self.sets);
        sets.functions(sets.armed())
    }

    /// Whether the trace has ended.
    pub fn has_ended(&self) -> bool {
        sets::lock(&self.sets).has_ended()
    }

    /// Root calls begin on the other side from now on, unless the trace has ended.
    pub fn change(&self, is_wide: bool) -> Result<(), ObjectError> {
        sets::lock(&self.sets).change(is_wide)
    }

    /// Waits for the root calls of the side that is free, for so long at most: see [`sets::drain`].
    pub fn drain(&self) -> Result<Option<u64>, ObjectError> {
        sets::drain(&self.sets)
    }

    /// Attaches functions on the side that is free by the mechanism of the trace.
    pub fn attach_to_free(&mut self, functions: &[Planned]) -> Result<(), Stopped> {
        self.attach_beside(self.mechanism(), functions, self.free())
    }

    /// As [`Self::attach_to_free`], but those of `hot` for which there is time until `deadline` as
    /// pairs. Their programs are loaded first, and what is hit most is linked last: see
    /// [`crate::attach::pair`].
    pub fn attach_with_pairs(
        &mut self,
        functions: &[Planned],
        hot: &[Planned],
        deadline: Instant,
    ) -> Result<(), Stopped> {
        let side = self.free();
        let hot: Vec<&Planned> = hot.iter().collect();
        let mut loading = Progress {
            deadline: Some(deadline),
            ..Progress::of(&self.sets)
        };
        let at = (Role::Callee, side);
        let mut loaded = self.attacher.load_pairs(&hot, at, &mut loading)?;
        loaded.reverse();
        sets::lock(&self.sets).overlap(true)?;
        let mut linking = Progress::of(&self.sets);
        let pairs = self.attacher.link_pairs(loaded, &mut linking)?;
        let paired = linking.attached;
        sets::lock(&self.sets).add(side, pairs);
        let is_left = |one: &&Planned| !paired.contains(&one.address);
        let rest: Vec<Planned> = functions.iter().filter(is_left).cloned().collect();
        self.attach_beside(self.mechanism(), &rest, side)
    }

    /// Attaches functions that the other side's set may have, too, until [`Self::drop_free`].
    pub fn attach_beside(
        &mut self,
        mechanism: Mechanism,
        functions: &[Planned],
        side: Side,
    ) -> Result<(), Stopped> {
        sets::lock(&self.sets).overlap(true)?;
        self.attach_as(mechanism, functions, side)
    }

    /// Attaches functions that the other side's set does not have.
    pub fn attach_as(
        &mut self,
        mechanism: Mechanism,
        functions: &[Planned],
        side: Side,
    ) -> Result<(), Stopped> {
        let Self { attacher, sets } = self;
        let mut progress = Progress::of(sets);
        let probes = attacher.attach_as(mechanism, functions, Role::Callee, side, &mut progress)?;
        if self.has_ended() {
            return Err(Stopped::Ended);
        }
        sets::lock(&self.sets).add(side, probes);
        Ok(())
    }

    /// Waits for the root calls of the side that is free, and takes its probes away.
    pub fn drop_free(&self) -> Result<(), Stopped> {
        let open = self.drain()?.ok_or(Stopped::Ended)?;
        let gone: Vec<Probe> = {
            let mut sets = sets::lock(&self.sets);
            sets.add_cut(open);
            sets.take_free()
        };
        // Not under the lock: the kernel takes its time.
        drop(gone);
        sets::lock(&self.sets).overlap(false)?;
        Ok(())
    }
}

/// A function that is refused has no probe; the wide set had one.
struct Progress<'a> {
    sets: &'a Mutex<Sets>,
    /// It is enough then.
    deadline: Option<Instant>,
    attached: BTreeSet<Address>,
}

impl<'a> Progress<'a> {
    const fn of(sets: &'a Mutex<Sets>) -> Self {
        Self {
            sets,
            deadline: None,
            attached: BTreeSet::new(),
        }
    }
}

impl Observer for Progress<'_> {
    fn attached(&mut self, functions: &[&Planned]) {
        let addresses = functions.iter().map(|function| function.address);
        self.attached.extend(addresses);
    }

    fn refused(&mut self, error: AttachError) -> Result<(), AttachError> {
        log::debug!("{error}; it is excluded from the graph");
        Ok(())
    }

    fn is_stopped(&self) -> bool {
        let is_late = self.deadline.is_some_and(|end| Instant::now() >= end);
        is_late || sets::lock(self.sets).has_ended()
    }
}
