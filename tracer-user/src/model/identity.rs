//! What root calls and tasks are told apart by.
//!
//! A number alone does not tell a task: every CPU's idle task has the number 0. None of them ever
//! leaves its CPU, so there the CPU is a part of what it is. Whatever sorts by task (who waits for
//! whom, tracks, rows of a report) sorts by [`TaskKey`], and numbers are for the reader.

use tracer_common::{BatchHeader, FIRST_MARK};

use super::Nanoseconds;
use crate::arch::FURTHEST_PROBE;

/// A function, or a kind of mark, as events name it: the low half of its address. In a recording
/// that is counted from somewhere else, so that it does not tell where the kernel lies.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct FunctionId(pub u32);

impl FunctionId {
    /// The first of those that are no function's: frames of stacks by their names, see
    /// [`super::FunctionTable::frame`]. No code lies there (MODULES_END,
    /// Documentation/arch/x86/x86_64/mm.rst), and what is counted from the beginning of the text is
    /// less.
    pub const FRAMES: u32 = 0xff00_0000;

    /// The other name that events may have for the function: its address after the landing pad.
    #[must_use]
    #[allow(clippy::cast_possible_truncation, reason = "it is a few bytes")]
    pub const fn after_landing_pad(self) -> Self {
        Self(self.0.wrapping_add(FURTHEST_PROBE as u32))
    }

    /// That of the mark with this number, counted from 0.
    #[must_use]
    pub const fn of_mark(number: u32) -> Self {
        Self(FIRST_MARK + number)
    }

    /// Whether it is a mark's, which is the same in a recording.
    #[must_use]
    pub const fn is_mark(self) -> bool {
        const END: u32 = 1 << 31;
        FIRST_MARK <= self.0 && self.0 < END
    }

    /// That of the place that a value is the address of, if it can be one: on x86-64 kernel,
    /// modules and BPF programs lie within the last 2 GiB (Documentation/arch/x86/x86_64/mm.rst).
    /// Elsewhere they lie anywhere, and a recording has their places by whole addresses
    /// ([`super::Image::KERNEL`]).
    #[must_use]
    #[allow(clippy::cast_possible_truncation, reason = "the half that differs")]
    pub const fn of_place(value: u64) -> Option<Self> {
        const WITHIN: u32 = 31;
        if value >> WITHIN == u64::MAX >> WITHIN {
            Some(Self(value as u32))
        } else {
            None
        }
    }
}

/// A process, as the kernel numbers it in the initial PID namespace (`tgid`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ProcessId(pub u32);

/// A CPU's number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct CpuId(pub u32);

/// A task's number, as the kernel has it in the initial PID namespace. All idle tasks have 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct TaskId(pub u32);

/// A task.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum TaskKey {
    /// The idle task of a CPU.
    Idle(CpuId),
    /// Any other, which has its number for itself.
    Thread(TaskId),
}

impl TaskKey {
    /// The task that has this number and runs on this CPU.
    #[must_use]
    pub const fn new(number: TaskId, cpu: CpuId) -> Self {
        match number {
            TaskId(0) => Self::Idle(cpu),
            _ => Self::Thread(number),
        }
    }

    /// Its number.
    #[must_use]
    pub const fn id(self) -> TaskId {
        match self {
            Self::Idle(_) => TaskId(0),
            Self::Thread(number) => number,
        }
    }
}

/// A root call. Those of one task are in the order in which they began.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct RootCallId {
    /// Who made it.
    pub task: TaskKey,
    /// When.
    pub began: Nanoseconds,
}

impl RootCallId {
    /// The one that a batch belongs to.
    #[must_use]
    pub const fn of(header: &BatchHeader) -> Self {
        Self {
            task: TaskKey::new(TaskId(header.tid), CpuId(header.cpu)),
            began: Nanoseconds(header.root_time_ns),
        }
    }

    /// The first that this task can have made.
    pub(crate) const fn first_of(task: TaskKey) -> Self {
        Self {
            task,
            began: Nanoseconds(0),
        }
    }
}
