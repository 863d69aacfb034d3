//! What is kept of each CPU: whose calls it works for, and counters that userspace reads.
//!
//! Not maps with an element per CPU: the address of one in a global is known when the program is
//! loaded, half as many instructions. Userspace does not load this where there are more CPUs than
//! [`MAX_CPUS`].

use tracer_common::{Away, AwayCounts, CpuCounters, MAX_CPUS, generation::SIDES, sample::Sampling};

use super::{setting::config, shared::Shared};
use crate::atomic;

/// What one CPU is doing. A slot is named by its offset in the table, bytes. A cache line of its
/// own.
#[repr(C, align(64))]
#[derive(Clone, Copy)]
pub struct Cpu {
    /// While switching: the task that comes, see `task`.
    pub next_task: u64,
    /// The gate's words, one for each side, see `gate`: [`OUTSIDE`], [`SWITCHING`], or the slot of
    /// the task that runs here inside a root call of that side. At most one of them is a slot.
    pub words: [u32; SIDES],
    /// While switching: the slot of the task that comes, or [`OUTSIDE`].
    pub next_slot: u32,
    /// While switching: the slot of the task that goes, or [`OUTSIDE`].
    pub previous_slot: u32,
    /// What userspace reads.
    pub counters: CpuCounters,
}

/// One element per possible CPU; userspace does not load this where there are more. Not a map with
/// an element per CPU, because the address of one in a global is known when the program is loaded:
/// half as many instructions.
#[unsafe(link_section = ".bss.cpus")]
#[unsafe(no_mangle)]
pub static CPUS: Shared<[Cpu; MAX_CPUS]> =
    // SAFETY: all zeros is a value.
    Shared::new(unsafe { core::mem::zeroed() });

/// The number of the CPU that we run on. Tracing programs run with migration disabled.
#[inline(always)]
pub fn cpu_number() -> u32 {
    // SAFETY: a helper without arguments.
    unsafe { aya_ebpf::helpers::bpf_get_smp_processor_id() }
}

/// The state of the CPU that we run on.
#[inline(always)]
pub fn this_cpu() -> *mut Cpu {
    // The compiler must not see the mask as needless: it is for the verifier.
    let index = cpu_number() as usize & (MAX_CPUS - 1);
    CPUS.get().cast::<Cpu>().wrapping_add(index)
}

/// Counts a hit of the tracer's own making.
#[inline(always)]
pub fn count_self_recursion() {
    let cpu = this_cpu();
    // SAFETY: an element of the table.
    unsafe { atomic::fetch_add(&raw mut (*cpu).counters.self_recursions, 1) };
}

/// Leaves of a number the place of a CPU.
pub const MAX_CPUS_MASK: usize = MAX_CPUS - 1;

/// Root calls that were dropped on each CPU: the first word of a cache line.
#[unsafe(link_section = ".bss.dropped")]
#[unsafe(no_mangle)]
pub static DROPPED_CALLS: Shared<[[u64; 8]; MAX_CPUS]> = Shared::new([[0; 8]; MAX_CPUS]);

/// Counts a root call that is dropped.
#[inline(always)]
pub fn count_dropped() {
    // As in `maps::this_cpu`, the mask is for the verifier.
    let cpu = cpu_number() as usize & MAX_CPUS_MASK;
    let count = DROPPED_CALLS.get().cast::<[u64; 8]>().wrapping_add(cpu);
    // SAFETY: an element of the table; a root of an interrupt may count here, too.
    unsafe { atomic::fetch_add(count.cast(), 1) };
}

/// Which root calls are sampled on each CPU, and how many were not.
#[unsafe(link_section = ".bss.sampling")]
#[unsafe(no_mangle)]
pub static SAMPLING: Shared<[Sampling; MAX_CPUS]> =
    // SAFETY: all zeros is a value.
    Shared::new(unsafe { core::mem::zeroed() });

/// That of a CPU.
#[inline(always)]
pub fn sampling(cpu: u32) -> *mut Sampling {
    // As in `this_cpu`, the mask is for the verifier.
    SAMPLING
        .get()
        .cast::<Sampling>()
        .wrapping_add(cpu as usize & MAX_CPUS_MASK)
}

/// What each CPU knows of processes' stacks, the first words of a cache line.
#[repr(C, align(64))]
#[derive(Clone, Copy)]
pub struct Seen {
    /// Whose stack was recorded last here, see [`tracer_common::EventKind::UserFrame`].
    pub image: u64,
    /// Whether the reader is to be woken for it.
    pub is_new: u64,
}

/// See [`Seen`].
#[unsafe(link_section = ".bss.seen")]
#[unsafe(no_mangle)]
pub static SEEN: Shared<[Seen; MAX_CPUS]> = Shared::new(
    [Seen {
        image: 0,
        is_new: 0,
    }; MAX_CPUS],
);

/// That of a CPU.
#[inline(always)]
pub fn seen(cpu: u32) -> *mut Seen {
    // As in `this_cpu`, the mask is for the verifier.
    SEEN.get()
        .cast::<Seen>()
        .wrapping_add(cpu as usize & MAX_CPUS_MASK)
}

/// Events that were to be marked on each CPU, by whether a root was open: the first words of a
/// cache line. See `mark`.
#[unsafe(link_section = ".bss.marks")]
#[unsafe(no_mangle)]
pub static MARK_HITS: Shared<[[u64; 8]; MAX_CPUS]> = Shared::new([[0; 8]; MAX_CPUS]);

/// Counts one. Nothing else of its kind runs on the CPU meanwhile.
#[inline(always)]
pub fn count_mark(inside: bool) {
    // As in `this_cpu`, the mask is for the verifier.
    let cpu = cpu_number() as usize & MAX_CPUS_MASK;
    let counts = MARK_HITS.get().cast::<[u64; 8]>().wrapping_add(cpu);
    let count = counts.cast::<u64>().wrapping_add(usize::from(inside));
    // SAFETY: an element of the table.
    unsafe { *count += 1 };
}

/// Root entries that were turned away on each CPU, see [`tracer_common::Away`].
#[unsafe(link_section = ".bss.away")]
#[unsafe(no_mangle)]
pub static TURNED_AWAY: Shared<[AwayCounts; MAX_CPUS]> = Shared::new([[0; 8]; MAX_CPUS]);

/// Counts a root entry that is turned away on the CPU that we run on.
#[inline(always)]
pub fn count_away(cpu: u32, reason: Away) {
    // As in `this_cpu`, the masks are for the verifier.
    let cpu = cpu as usize & (MAX_CPUS - 1);
    let counts = TURNED_AWAY.get().cast::<AwayCounts>().wrapping_add(cpu);
    let count = counts.cast::<u64>().wrapping_add(reason as usize);
    // SAFETY: an element of the table; interrupts count here, too.
    unsafe { atomic::fetch_add(count, 1) };
}

/// Whether the reader is to be woken, see [`Seen`].
#[inline(always)]
pub fn wakes(cpu: u32) -> bool {
    if config!(user_stacks) == 0 {
        return false;
    }
    let seen = seen(cpu);
    // SAFETY: as above.
    unsafe { core::mem::replace(&mut (*seen).is_new, 0) != 0 }
}
