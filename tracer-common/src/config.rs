//! What userspace tells the eBPF side before it is loaded.
//!
//! The whole is one read-only global: the verifier sees constants and prunes what is switched off.

use crate::context::PreemptLayout;

/// The depth that means "no limit" in [`Config::max_depth`].
pub const NO_DEPTH_LIMIT: u32 = u32::MAX;

/// The highest number of CPUs that a [`CpuMask`] can name.
pub const MAX_CPUS: usize = 1024;

/// A set of CPUs, one bit each.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CpuMask {
    /// Bit `n % 64` of word `n / 64` stands for CPU `n`.
    pub words: [u64; MAX_CPUS / 64],
}

impl CpuMask {
    /// The set of all CPUs.
    pub const ALL: Self = Self {
        words: [u64::MAX; MAX_CPUS / 64],
    };
    /// The empty set.
    pub const NONE: Self = Self {
        words: [0; MAX_CPUS / 64],
    };
}

/// Places in the table of tasks that run inside a root, at most: userspace says how many there are,
/// a power of two. Two of them are never taken, see `task/slots.rs` in tracer-ebpf. With more the
/// verifier would refuse the table: it knows no offset of 512 MiB (BPF_MAX_VAR_OFF,
/// linux/bpf_verifier.h).
pub const MAX_TASK_SLOTS: u32 = 1 << 15;
/// What each takes, bytes: a power of two, so that a place is found by a mask.
pub const TASK_BYTES: u32 = 1 << 14;

/// Places of the table of tasks that sleep inside a root whose keys are beside each other: a cache
/// line. See `task/parked.rs` in tracer-ebpf.
pub const PARKED_BUCKET: u32 = 8;
/// What is kept of a task that sleeps, bytes, its key apart.
pub const PARKED_BYTES: u32 = 128;

/// The highest [`Config::fast_depth`]: open calls whose frames are kept. Deeper ones are counted
/// only; kernel stacks of 16 KiB hold fewer.
pub const MAX_FAST_DEPTH: u64 = 128;

/// One above the highest number that a task can have (PID_MAX_LIMIT of 64-bit kernels,
/// include/linux/threads.h).
pub const MAX_TASKS: u32 = 1 << 22;
/// A list of tasks, a bit each, bytes.
pub const FOLLOWED_LIST_BYTES: u32 = MAX_TASKS / 8;
/// The list of processes that are traced, and after it that of tasks, bytes. See `whose` in
/// tracer-ebpf.
pub const FOLLOWED_BYTES: u32 = 2 * FOLLOWED_LIST_BYTES;

/// Command names, and cgroups, that can be given.
pub const MAX_NAMES: usize = 4;

/// Arguments of a call that can be recorded: those that x86-64 passes in registers.
pub const MAX_ARGUMENTS: u32 = 6;

/// Whose root calls are traced. What is named in one list are alternatives, an empty list asks for
/// nothing, and every list must be met. Lists of names end at the first zero; which processes and
/// tasks were named stands in a map, because those that they start may join. Numbers are those of
/// the initial PID namespace.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Callers {
    /// The processes of the tracer itself, whose root calls are skipped; two zeros skip none.
    pub not_tgids: [u32; 2],
    /// What processes were named for: [`Callers::NOBODY`] if none were, [`Callers::THESE`],
    /// [`Callers::ALL_BUT_THESE`].
    pub processes_named: u32,
    /// The same of tasks.
    pub tasks_named: u32,
    /// The same of command names.
    pub names_named: u32,
    /// How many command names were named.
    pub names: u32,
    /// Whether what those start is traced, too; 0 is no.
    pub children_followed: u32,
    /// How many cgroups were named (v2): the task is in one of them or below. Their ids are in a
    /// map, because one may be made again.
    pub cgroups_named: u32,
    /// Command names as in the task (`TASK_COMM_LEN`, include/linux/sched.h), filled up with zeros,
    /// as two native words.
    pub comms: [[u64; 2]; MAX_NAMES],
}

impl Callers {
    /// None were named.
    pub const NOBODY: u32 = 0;
    /// Those that were named are traced.
    pub const THESE: u32 = 1;
    /// All others are.
    pub const ALL_BUT_THESE: u32 = 2;

    /// Everybody.
    pub const ALL: Self = Self {
        not_tgids: [0; 2],
        processes_named: 0,
        tasks_named: 0,
        names_named: 0,
        names: 0,
        children_followed: 0,
        cgroups_named: 0,
        comms: [[0; 2]; MAX_NAMES],
    };
}

/// A piece of the kernel's text.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct CodeRange {
    /// Where it begins.
    pub start: u64,
    /// How long it is, bytes; 0 is nothing.
    pub bytes: u64,
}

/// Settings of the eBPF side, fixed when it is loaded.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Config {
    /// Calls at this depth and deeper take the slow path, see `fast_path` in
    /// tracer-ebpf. 0 where the preempt count is not known or more is wanted of a call than its two
    /// ends.
    pub fast_depth: u64,
    /// How many bytes into [`crate::placeholder::PREEMPT_COUNT`] the preempt count lies.
    pub preempt_count_offset: u64,
    /// What the bits of the preempt count mean; all unknown, and every call a task's, if this is
    /// [`crate::PreemptLayout::UNKNOWN`].
    pub preempt_layout: PreemptLayout,
    /// The offset of `__state` in `struct task_struct`, bytes (5.14+).
    pub task_state_offset: u64,
    /// The offset of `pid` in `struct task_struct`, bytes.
    pub task_number_offset: u64,
    /// The offset of `tgid` there, bytes.
    pub process_number_offset: u64,
    /// The offset of `self_exec_id` there, bytes.
    pub executed_offset: u64,
    /// The offset of `group_leader` there, bytes; 0 where it is not known.
    pub leader_offset: u64,
    /// The offset of `comm` there, bytes.
    pub name_offset: u64,
    /// The offset of `migration_disabled` in `struct task_struct`, bytes; 0 where it is not known.
    pub migration_disabled_offset: u64,
    /// What trampolines call before and after a program.
    pub trampoline_code: [CodeRange; 4],
    /// Root calls are traced only if they are theirs.
    pub callers: Callers,
    /// Calls at this depth and deeper are skipped; the root has depth 0.
    pub max_depth: u32,
    /// How many arguments of each call are recorded, at most [`MAX_ARGUMENTS`].
    pub arguments: u32,
    /// Whether where it will go on in its caller is recorded of each call; 0 is no.
    pub return_addresses: u32,
    /// Of which calls the kernel frames above are recorded: of none if 0,
    /// [`Config::STACKS_OF_ROOT_CALLS`] or [`Config::STACKS_OF_ROOTS`].
    pub stacks: u32,
    /// Whether the frames of the process are recorded at each root; 0 is no.
    pub user_stacks: u32,
    /// Whether no root call begins in a hard interrupt; 0 is no.
    pub not_in_interrupts: u32,
    /// The reader is woken at the end of a root call if its CPU's ring holds that much, bytes: a
    /// power of two.
    pub wake_bytes: u64,
    /// Root calls are traced only if they are entered on one of these.
    pub cpus: CpuMask,
}

impl Config {
    /// Of each root call.
    pub const STACKS_OF_ROOT_CALLS: u32 = 1;
    /// Of each call of a root, within a root call, too.
    pub const STACKS_OF_ROOTS: u32 = 2;

    /// Everything is traced, nothing is known of the kernel.
    pub const DEFAULT: Self = Self {
        fast_depth: 0,
        preempt_count_offset: 0,
        preempt_layout: PreemptLayout::UNKNOWN,
        task_state_offset: 0,
        task_number_offset: 0,
        process_number_offset: 0,
        executed_offset: 0,
        leader_offset: 0,
        name_offset: 0,
        migration_disabled_offset: 0,
        trampoline_code: [CodeRange { start: 0, bytes: 0 }; 4],
        callers: Callers::ALL,
        max_depth: NO_DEPTH_LIMIT,
        arguments: 0,
        return_addresses: 0,
        stacks: 0,
        user_stacks: 0,
        not_in_interrupts: 0,
        wake_bytes: 1,
        cpus: CpuMask::ALL,
    };
}

impl Default for Config {
    fn default() -> Self {
        Self::DEFAULT
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn config_has_no_padding() {
        assert_eq!(size_of::<Callers>(), 8 * 4 + MAX_NAMES * 16);
        assert_eq!(
            size_of::<Config>(),
            10 * 8 + 4 * 16 + size_of::<Callers>() + 6 * 4 + 8 + MAX_CPUS / 8
        );
    }
}
