//! The lists of processes and tasks that are traced, which the eBPF side keeps up (`whose` in
//! tracer-ebpf).
//!
//! Both sides change single bits, each with one atomic instruction, so neither takes back what the
//! other has done.

use std::{
    io,
    sync::atomic::{AtomicU64, Ordering},
};

use aya::maps::{MapData, MapError};
use tracer_common::{Callers, FOLLOWED_BYTES, FOLLOWED_LIST_BYTES, MAX_TASKS};

use super::memory::{self, Mapped, Users};

/// What is listed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum List {
    /// Processes.
    Processes,
    /// Tasks.
    Tasks,
}

/// The memory of the lists, as the eBPF side has it: if nobody was named there is a little of it,
/// which nobody uses.
pub(super) fn make(callers: &Callers) -> Result<MapData, MapError> {
    let bytes = if is_used(callers) { FOLLOWED_BYTES } else { 8 };
    memory::make("tracer_followed", bytes, Users::Userspace)
}

/// Whether anybody was named by a number.
pub(super) const fn is_used(callers: &Callers) -> bool {
    callers.processes_named != 0 || callers.tasks_named != 0
}

/// The lists, by a mapping of their own.
#[derive(Debug)]
pub struct Followed {
    lists: Mapped,
    /// Whether processes were named, and whether tasks were.
    named: (bool, bool),
}

impl Followed {
    /// Maps what [`make`] has made for named callers.
    pub(super) fn of(map: &MapData, callers: &Callers) -> io::Result<Self> {
        Ok(Self {
            lists: Mapped::of(map, FOLLOWED_BYTES as usize)?,
            named: (callers.processes_named != 0, callers.tasks_named != 0),
        })
    }

    /// From now on root calls of this process or task are traced. Numbers are the kernel's.
    pub fn add(&self, list: List, number: u32) {
        if let Some((word, bit)) = self.place(list, number) {
            word.fetch_or(bit, Ordering::AcqRel);
        }
    }

    /// From now on they are not.
    pub fn remove(&self, list: List, number: u32) {
        if let Some((word, bit)) = self.place(list, number) {
            word.fetch_and(!bit, Ordering::AcqRel);
        }
    }

    /// Whether root calls of this task of this process are traced.
    #[must_use]
    pub fn includes(&self, process: u32, task: u32) -> bool {
        let (processes, tasks) = self.named;
        (!processes || self.has(List::Processes, process))
            && (!tasks || self.has(List::Tasks, task))
    }

    fn has(&self, list: List, number: u32) -> bool {
        self.place(list, number)
            .is_some_and(|(word, bit)| word.load(Ordering::Acquire) & bit != 0)
    }

    /// None for what is no task's number.
    fn place(&self, list: List, number: u32) -> Option<(&AtomicU64, u64)> {
        if number == 0 || number >= MAX_TASKS {
            return None;
        }
        let before = match list {
            List::Processes => 0,
            List::Tasks => FOLLOWED_LIST_BYTES,
        };
        let offset = before + number / u64::BITS * 8;
        let word = self.lists.word(offset as usize);
        Some((word, 1 << (number % u64::BITS)))
    }
}
