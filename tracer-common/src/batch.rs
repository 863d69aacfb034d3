//! Batches: what events travel in.
//!
//! A batch belongs to one root call of one task on one CPU: it is handed over when it is full, when
//! the task is switched out, and when the root returns. So what is the same for all of its events
//! stands once, in its header.

/// Events that a batch can hold.
pub const BATCH_CAPACITY: usize = 256;

/// What a batch says of those before it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u16)]
pub enum Arrival {
    /// All earlier batches of the root call are in some ring, or lost.
    InOrder = 0,
    /// It went into the ring ahead of earlier events, which the task had still to hand over.
    Early = 1,
}

/// What is the same for all events of a batch; `count` events follow it.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct BatchHeader {
    /// The number of the first hit within its root call. Every hit gets a number, also one that
    /// could not be stored, so a gap between two batches is exactly the number of lost ones.
    pub sequence: u64,
    /// CLOCK_MONOTONIC in ns at which the root was entered: with the task the identity of the root
    /// call. The task is `tid`; of the idle tasks, which all have 0 and never leave their CPU, it
    /// is `cpu`.
    pub root_time_ns: u64,
    /// The task's command name, padded with zeros (`TASK_COMM_LEN`, include/linux/sched.h).
    pub comm: [u8; 16],
    /// The task (what the kernel calls pid), in the initial PID namespace.
    pub tid: u32,
    /// The process (what the kernel calls tgid), in the initial PID namespace.
    pub tgid: u32,
    /// The CPU on which all events of the batch were taken.
    pub cpu: u32,
    /// Events in the batch, at most [`BATCH_CAPACITY`].
    pub count: u16,
    /// The [`Arrival`] in the lowest bit, the root call's generation above it, see
    /// [`crate::generation`].
    pub early: u16,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::Event;

    #[test]
    fn the_header_has_no_padding() {
        assert_eq!(size_of::<BatchHeader>(), 8 + 8 + 3 * 4 + 2 * 2 + 16);
        assert_eq!(size_of::<BatchHeader>() % align_of::<Event>(), 0);
    }

    /// What stands before the first event of a batch is no entry of a function: none begins at an
    /// address whose lower half is a CPU's number.
    #[test]
    fn the_end_of_a_header_is_no_entry() {
        assert_eq!(
            core::mem::offset_of!(BatchHeader, cpu),
            size_of::<BatchHeader>() - 8
        );
        const { assert!(crate::config::MAX_CPUS < 1 << 31) };
    }
}
