//! What stands in the object file for things of the kernel that neither aya nor the linker knows
//! how to name.
//!
//! A kernel function is called as a helper with a number that the kernel does not have, the address
//! of a kernel variable is a number that no kernel address has. Userspace replaces each by what is
//! meant before a program is loaded (tracer-user/src/bpf/instructions.rs and variables.rs).
//! Settings that the hot path needs are such numbers, too: one instruction each, where reading them
//! from memory takes two.

/// Called for `bpf_session_is_return` (kernel/trace/bpf_trace.c).
pub const SESSION_IS_RETURN: i32 = 0x7472_0001;
/// Called for `bpf_session_cookie` (kernel/trace/bpf_trace.c).
pub const SESSION_COOKIE: i32 = 0x7472_0002;
/// Stands for the per-CPU variable that is or holds the preempt count
/// (arch/x86/include/asm/preempt.h): `pcpu_hot` from 6.2 to 6.14, `__preempt_count` before and
/// after.
pub const PREEMPT_COUNT: u64 = 0x7472_0003_7472_0003;

/// Stands for the memory of the table of tasks that run.
pub const TASKS: u64 = 0x7472_0004_7472_0004;
/// Stands for the mask that leaves of a number the offset of a place of that table, in the
/// instruction that applies it.
pub const TASK_MASK: i32 = 0x7472_0009;
/// Stands for the memory of the keys of tasks that sleep.
pub const PARKED_KEYS: u64 = 0x7472_000a_7472_000a;
/// Stands for the memory of what is kept of them, [`crate::PARKED_BYTES`] each.
pub const PARKED: u64 = 0x7472_000b_7472_000b;
/// Stands for how many times [`crate::PARKED_BUCKET`] places these have.
pub const PARKED_BUCKETS: u64 = 0x7472_000c_7472_000c;
/// Stands for the number of open calls above which the fast path is not taken, see
/// [`crate::Config::fast_depth`], in the instruction that compares them.
pub const FAST_CALLS: i32 = 0x7472_0005;
/// Stands for whether there is a fast path.
pub const IS_FAST: u64 = 0x7472_0005_7472_0005;
/// Stands for [`crate::Config::preempt_count_offset`] in the instruction that reads 32 bits there.
/// Nothing else lies so far from anything.
pub const PREEMPT_COUNT_OFFSET: i16 = 0x7472;
/// Stands for the offset of a side's word in `Cpu` (tracer-ebpf/src/maps/cpu.rs), in the
/// instruction that reads 32 bits there. Userspace puts it in for each copy of a program.
pub const GATE_WORD: i16 = 0x7478;
/// Stands for the side that a copy of a program serves.
pub const SIDE: u64 = 0x7472_0008_7472_0008;
/// Stands for the memory of the lists of processes and tasks that are traced,
/// [`crate::FOLLOWED_BYTES`] long.
pub const FOLLOWED: u64 = 0x7472_0009_7472_0009;
/// Stands for the mask of [`crate::Config::preempt_layout`], in the instruction that asks for its
/// bits.
pub const PREEMPT_MASK: i32 = 0x7472_0007;

/// Stands for whether root calls may be dropped in the kernel; the conditions are those of
/// [`crate::count::placeholder`].
pub const DECIDE: u64 = 0x7472_0012_7472_0012;
/// Stands for whether root calls may be sampled, see [`crate::sample`].
pub const SAMPLES: u64 = 0x7472_0017_7472_0017;
/// Stands for whether anything is asked of callers but that they are not tracer's own processes.
pub const CALLERS_ASKED: u64 = 0x7472_0013_7472_0013;
/// Stand for the numbers of tracer's own processes, see [`crate::Callers::not_tgids`].
pub const OWN_PROCESSES: [u64; 2] = [0x7472_0014_7472_0014, 0x7472_0015_7472_0015];

/// Stands for the number of open calls from which on functions are counted in the kernel, in the
/// instruction that compares them: 0, or more than there are.
pub const PROFILE_CALLS: i32 = 0x7472_000d;
/// Stands for how functions are counted in the kernel, see [`crate::profile::By`]; 0 where calls
/// are streamed.
pub const PROFILE: u64 = 0x7472_000d_7472_000d;
/// Stands for the memory of the rows of all CPUs, see [`crate::profile`].
pub const PROFILE_ROWS: u64 = 0x7472_000e_7472_000e;
/// Stands for the mask that leaves of a number a place of these rows.
pub const PROFILE_ROW_MASK: u64 = 0x7472_000f_7472_000f;
/// Stands for the memory of the cells of all CPUs.
pub const PROFILE_CELLS: u64 = 0x7472_0010_7472_0010;
/// Stands for the mask that leaves of a number a place of these cells.
pub const PROFILE_CELL_MASK: u64 = 0x7472_0011_7472_0011;

/// Stands for what of [`crate::FieldTable`] a copy of a program heeds: [`READS_FIELDS`],
/// [`TESTS_FIELDS`], [`COUNTS_BY_FIELD`], or nothing. Userspace puts it in for each copy.
pub const FIELDS: u64 = 0x7472_0016_7472_0016;
/// In what stands for [`FIELDS`]: the reads.
pub const READS_FIELDS: u64 = 1;
/// In what stands for [`FIELDS`]: the tests of a root.
pub const TESTS_FIELDS: u64 = 2;
/// In what stands for [`FIELDS`]: the first test, as the number that a root call is counted by.
pub const COUNTS_BY_FIELD: u64 = 4;
