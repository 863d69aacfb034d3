//! How the object is loaded: its settings, and how much memory it gets.
//!
//! Memory is set when the object is loaded and stays as it is, so it is sized by what may come: the
//! CPUs that may ever be there, and the tasks that may sleep inside a root at once. More than that
//! is counted as lost, never waited for.

use tracer_common::{Config, MAX_TASK_SLOTS, PARKED_BUCKET, profile::By};

use super::decide::Decide;

/// How much memory the object gets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sizes {
    /// CPUs that may ever be there.
    pub possible_cpus: u32,
    /// Bytes of each CPU's ring, a power of two of pages.
    pub ring_bytes: u32,
    /// Tasks that may sleep inside a root at once, about: there are places for half as many again,
    /// so that nearly all find one.
    pub sleepers: u32,
    /// Places for tasks inside a root, at least, whether they sleep or not.
    pub slots: u32,
}

impl Sizes {
    /// Places for tasks that run inside a root, a power of two. Each CPU has one task that runs,
    /// one that has just gone, and perhaps one or two that were preempted in the middle of a probe;
    /// tasks that find no place among those that sleep are here, too.
    pub(super) fn slots(self) -> u32 {
        let wanted = self.possible_cpus.saturating_mul(4).max(self.slots);
        wanted.next_power_of_two().min(MAX_TASK_SLOTS)
    }

    /// Places for tasks that sleep inside a root, in buckets.
    pub(super) const fn buckets(self) -> u32 {
        (self.sleepers + self.sleepers / 2).div_ceil(PARKED_BUCKET)
    }
}

/// Tasks that may sleep inside a root at once, if nothing else is said.
pub const USUAL_SLEEPERS: u32 = 1 << 16;

/// Places for tasks that run inside a root, at least.
pub const USUAL_SLOTS: u32 = 128;
/// The same where tasks that sleep keep theirs.
const LEAST_SLOTS_OF_SLEEPERS: u32 = 1 << 11;

/// Places where tasks that sleep keep theirs, on a host with so many tasks: one for each, and a
/// quarter more, so that nearly all find one. A place takes no more than what the kernel has of
/// each task by itself.
pub fn slots_of_sleepers(tasks: u32) -> u32 {
    tasks
        .saturating_add(tasks / 4)
        .clamp(LEAST_SLOTS_OF_SLEEPERS, MAX_TASK_SLOTS)
}

/// How the object is loaded.
#[derive(Clone, Copy, Debug)]
pub struct Loading {
    /// The settings of the eBPF side.
    pub config: Config,
    /// The type id of the variable that has the preempt count; if there is none, the settings say
    /// that it is not known.
    pub preempt_count: Option<u32>,
    /// How much memory it gets.
    pub sizes: Sizes,
    /// Whether the eBPF side logs.
    pub diagnostics: bool,
    /// How functions are counted there; none if calls are streamed.
    pub profile: Option<By>,
    /// Which root calls are streamed; none if all are.
    pub decide: Option<Decide>,
    /// Whether root calls may be sampled.
    pub samples: bool,
}

impl Loading {
    /// To see whether it loads, or for programs that record nothing.
    pub const SMALLEST: Self = Self {
        config: Config::DEFAULT,
        preempt_count: None,
        sizes: Sizes {
            possible_cpus: 1,
            ring_bytes: 4096,
            sleepers: PARKED_BUCKET,
            slots: USUAL_SLOTS,
        },
        diagnostics: false,
        profile: None,
        decide: None,
        samples: false,
    };

    /// Places in which a stack is written on its way to a task's events: one for each task that
    /// runs inside a root, where stacks are wanted.
    pub(super) fn stacks(&self) -> u32 {
        let config = &self.config;
        match config.stacks | config.user_stacks {
            0 => 1,
            // As the table of tasks has.
            _ => self.sizes.slots(),
        }
    }
}

#[cfg(test)]
mod tests {
    use tracer_common::TASK_BYTES;

    use super::*;

    fn places(tasks: u32) -> u32 {
        let sizes = Sizes {
            slots: slots_of_sleepers(tasks),
            ..Loading::SMALLEST.sizes
        };
        sizes.slots()
    }

    #[test]
    fn each_task_has_a_place_where_sleepers_keep_theirs() {
        assert_eq!(places(0), 2048);
        assert_eq!(places(3000), 4096);
        assert_eq!(places(20_000), 32_768);
        assert_eq!(places(u32::MAX), 32_768);
        // The verifier knows no greater offset (BPF_MAX_VAR_OFF), and the size is a number of 32
        // bits that may not be negative.
        let last = u64::from(MAX_TASK_SLOTS - 1) * u64::from(TASK_BYTES);
        assert!(last < 1 << 29);
    }
}
