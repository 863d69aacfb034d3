//! All that the programs keep, and how they reach it.
//!
//! Arrays only: the verifier turns their look-ups into a few instructions (array_map_gen_lookup,
//! kernel/bpf/arraymap.c), no lock is taken and no traced function runs. Userspace sets the real
//! sizes when it loads the object.

use core::{arch::asm, cell::UnsafeCell};

use crate::atomic;
use aya_ebpf::{
    btf_maps::{Array, ArrayOfMaps, RingBuf},
    macros::btf_map,
};
use tracer_common::{
    Away, AwayCounts, BATCH_CAPACITY, BatchHeader, Config, CpuCounters, Event, MAX_CPUS,
    MAX_FAST_DEPTH, MAX_NAMES, MAX_TASK_SLOTS, StringArguments, TASK_BYTES, TEXT_FUNCTIONS, cursor,
    generation::SIDES, placeholder,
};

/// Set by userspace before loading; read-only and frozen, so that the verifier knows its values.
#[unsafe(no_mangle)]
pub static CONFIG: Config = Config::DEFAULT;

/// Reads one setting as it is in the kernel, not as it was when this was compiled.
macro_rules! config {
    ($($field:tt)+) => {
        $crate::maps::read_setting(&$crate::maps::CONFIG.$($field)+)
    };
}
pub(crate) use config;

/// See [`config`].
#[inline(always)]
pub fn read_setting<T: Copy>(setting: &'static T) -> T {
    // SAFETY: a reference is valid; volatile because the loader writes another value than the
    // compiler saw.
    unsafe { core::ptr::read_volatile(setting) }
}

/// What userspace has put in the place of a number of [`placeholder`]: one instruction. To the
/// verifier it is a constant, or memory.
#[inline(always)]
pub fn meant<const NUMBER: u64>() -> u64 {
    let meant;
    // SAFETY: loads a number. The compiler must not know which.
    unsafe {
        asm!("{meant} = {number} ll", meant = out(reg) meant, number = const NUMBER, options(nomem, nostack, preserves_flags));
    }
    meant
}

/// A number of which the compiler does not know how it comes about: the verifier must see this one
/// compared or made, and not another one of which it could be made, too; or it is made in the
/// fewest steps as it is written.
#[inline(always)]
pub fn as_it_is(mut number: u64) -> u64 {
    // SAFETY: does nothing.
    unsafe {
        asm!("/* {number} */", number = inout(reg) number,
            options(pure, nomem, nostack, preserves_flags));
    }
    number
}

/// The state in a slot of the table. Any slot is one: see [`OUTSIDE`] and [`SWITCHING`].
#[inline(always)]
pub fn task_at(slot: u32) -> *mut Task {
    task_of(u64::from(slot))
}

/// The state in the slot that a gate's word names; bits that are no slot's are nothing.
#[inline(always)]
pub fn task_of(word: u64) -> *mut Task {
    // The mask is for the verifier.
    (meant::<{ placeholder::TASKS }>() as *mut u8)
        .wrapping_add(masked(word) as usize)
        .cast()
}

/// What of a number is a slot of the table, however many that has: one instruction.
#[inline(always)]
pub fn masked(mut word: u64) -> u64 {
    // SAFETY: leaves some bits of a number.
    unsafe {
        asm!("{word} &= {mask}", word = inout(reg) word, mask = const placeholder::TASK_MASK, options(pure, nomem, nostack, preserves_flags));
    }
    word
}

/// Which task slot the CPU works for: none. No task has the first slot of the table.
pub const OUTSIDE: u32 = 0;
/// Which task slot the CPU works for: a switch is under way, ask who is current. The last place in
/// the table is no task's, either: there a probe finds that no call is open, and takes the way that
/// knows all cases.
pub const SWITCHING: u32 = (MAX_TASK_SLOTS - 1) * TASK_BYTES;

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

/// The state of a task that runs inside a root. Slots are found by task, see `task`; what stays of
/// it while the task sleeps is in `parked`.
#[repr(C)]
pub struct Task {
    /// One buffer takes events while the other is handed over.
    pub first: Buffer,
    /// The task, see `task::current`; 0 while the slot is free, and a key of no task while it is on
    /// its way to that, see `parked`.
    pub owner: u64,
    /// Where the task is in the table of those that sleep, if it is [`PARKED`].
    pub parked: u64,
    /// The generation of probes that the root call belongs to, see [`tracer_common::generation`].
    pub generation: u64,
    /// The frame of the open root call, see `site`: with its function it identifies its exit.
    pub root_frame: u64,
    /// Where the root begins that was called.
    pub root_function: u64,
    /// In its low half the calls that are open under the root; in its high half who is at work, see
    /// [`GUARD`], [`WRITING`], [`FAST`] and [`FLUSHING`], and what is out of the ordinary,
    /// [`HIDING`] and [`DROPPED`]. That is 0 usually, and then one comparison sees it and the
    /// depth.
    pub depth_and_busy: u64,
    /// The probe context of the outermost entry that was dropped as the tracer's own doing, 0 if
    /// there is none: its exit may come when the guard is no longer set, and is dropped with it.
    pub dropped_frame: u64,
    /// The probe context of the excluded call under which the task is, 0 if there is none, see
    /// `excluded`.
    pub excluded_frame: u64,
    /// Where the next event goes, see [`cursor`]. The place may exceed the capacity.
    pub cursor: u64,
    /// Events of the first buffer that are held until the second one is full, too, see `decide`.
    pub held: u64,
    /// Whether an event of the root call has gone into the ring before all others.
    pub early: u64,
    /// The event of the fast path that finds the batch nearly full, on its way from one function of
    /// a program to another.
    pub pending: Pending,
    /// The open calls, outermost first, as far as they fit: an exit finds here what its entry knew.
    pub calls: [OpenCall; FRAMES],
    /// The second half.
    pub half: Half,
}

/// The second half of a task's state, which begins at [`cursor::SECOND`].
#[repr(C, align(8192))]
pub struct Half {
    /// As [`Task::first`].
    pub second: Buffer,
    /// Events that found no place, one for each writer, on their way to the ring.
    pub singles: [Single; 8],
}

/// A call that is open.
#[repr(C)]
pub struct OpenCall {
    /// The address of its probe context, see `site`; with [`NOT_FAST`], if its exit must not take
    /// the fast path.
    pub frame: u64,
    /// What [`Task::depth_and_busy`] was while its entry was at work.
    pub state: u64,
    /// The last word of its entry's event, see [`Event::identity`].
    pub identity: u64,
}

/// In [`OpenCall::frame`]: the call was entered in a hard interrupt or an NMI. Frames are multiples
/// of 8.
pub const NOT_FAST: u64 = 1;
/// In place of an [`OpenCall::frame`]: it was given up while the task slept.
pub const UNKNOWN: u64 = 2;

const _: () = assert!(size_of::<Task>() == TASK_BYTES as usize);
const _: () = assert!(core::mem::offset_of!(Task, half) as u64 == cursor::SECOND);
const _: () = assert!(core::mem::offset_of!(Buffer, events) as u64 == cursor::BEGIN);

/// An event that is not yet in its place.
#[repr(C)]
pub struct Pending {
    /// Its place, see [`Task::cursor`].
    pub cursor: u64,
    /// The event.
    pub event: Event,
}

/// Open calls whose frames are kept.
pub const FRAMES: usize = MAX_FAST_DEPTH as usize;

/// Events for which a buffer has room: what the first half of a task's state leaves for it. A task
/// hands its batch over when it is nearly full ([`cursor::NEARLY_FULL`]): the places that are left
/// then are for interrupts in the middle of an event. The events of one that brings more go into
/// the ring one by one.
pub const PLACES: usize = 205;

const _: () = assert!(PLACES <= BATCH_CAPACITY);

/// Room for one batch.
#[repr(C)]
pub struct Buffer {
    /// The batch: header and events are one block for the ring.
    pub header: BatchHeader,
    /// See `header`.
    pub events: [Event; PLACES],
    /// No event.
    pub beyond: Beyond,
}

/// What stands where another event would, for which there is no room: to who looks for the last
/// event it is one that nothing is the end of.
#[repr(C)]
pub struct Beyond {
    /// Events that have found no place in the buffer and went into the ring early.
    pub early: u64,
    /// Always 0.
    pub nothing: [u64; 2],
}

const _: () = assert!(size_of::<Beyond>() == size_of::<Event>());

/// Room for a batch of one.
#[repr(C)]
pub struct Single {
    /// As in [`Buffer`].
    pub header: BatchHeader,
    /// See `header`.
    pub event: Event,
}

/// Who writes: one of the [`tracer_common::Context`]s, or the task switch.
pub const SWITCH: u32 = 4;
/// In [`Task::depth_and_busy`], times `1 << context`: a probe is at work in the context.
pub const GUARD: u32 = 1;
/// In [`Task::depth_and_busy`]: all guards.
pub const ALL_GUARDS: u32 = 0xf;
/// In [`Task::depth_and_busy`], times `1 << writer`: an event is half written.
pub const WRITING: u32 = 1 << 8;
/// In [`Task::depth_and_busy`], times `1 << context`: a probe is at work on the fast path
/// (`fast_path`), and its event is half written.
pub const FAST: u32 = 1 << 20;
/// In [`Task::depth_and_busy`]: all of [`WRITING`], and of [`FAST`].
pub const ALL_WRITING: u32 = 0x1f << 8 | 3 << 20;
/// In [`Task::depth_and_busy`]: a buffer is being handed over.
pub const FLUSHING: u32 = 1 << 16;
/// In [`Task::depth_and_busy`]: there is a [`Task::excluded_frame`].
pub const HIDING: u32 = 1 << 17;
/// In [`Task::depth_and_busy`]: there is a [`Task::dropped_frame`].
pub const DROPPED: u32 = 1 << 18;

/// In [`Task::depth_and_busy`]: the task is in the table of those that sleep, and only what it does
/// on its way off the CPU comes here.
pub const PARKED: u32 = 1 << 19;

/// Changed by what runs on a CPU, and read by userspace.
#[repr(transparent)]
pub struct Shared<T>(UnsafeCell<T>);

// SAFETY: each CPU has an element of its own, and what nests there leaves it consistent.
unsafe impl<T> Sync for Shared<T> {}

impl<T> Shared<T> {
    /// Where it is.
    pub const fn get(&self) -> *mut T {
        self.0.get()
    }
}

/// One element per possible CPU; userspace does not load this where there are more. Not a map with
/// an element per CPU, because the address of one in a global is known when the program is loaded:
/// half as many instructions.
#[unsafe(link_section = ".bss.cpus")]
#[unsafe(no_mangle)]
pub static CPUS: Shared<[Cpu; MAX_CPUS]> =
    // SAFETY: all zeros is a value.
    Shared(UnsafeCell::new(unsafe { core::mem::zeroed() }));

/// Whether every entry at an fprobe wants its exit, see `session`: 1 while two sets of probes are
/// on the same functions.
#[unsafe(link_section = ".bss.exits")]
#[unsafe(no_mangle)]
pub static KEEP_EXITS: Shared<u64> = Shared(UnsafeCell::new(0));

/// See [`KEEP_EXITS`].
#[inline(always)]
pub fn keeps_exits() -> bool {
    // SAFETY: a global; volatile because userspace writes.
    unsafe { core::ptr::read_volatile(KEEP_EXITS.0.get()) != 0 }
}

/// The cgroups that were named, by id; 0 where one is gone: userspace follows one that is made
/// again.
#[unsafe(link_section = ".bss.cgroups")]
#[unsafe(no_mangle)]
pub static CGROUPS: Shared<[u64; MAX_NAMES]> = Shared(UnsafeCell::new([0; MAX_NAMES]));

/// See [`CGROUPS`].
#[inline(always)]
pub fn cgroup(index: usize) -> u64 {
    // SAFETY: a global, and the caller's index is within; volatile because userspace writes.
    unsafe { core::ptr::read_volatile(CGROUPS.0.get().cast::<u64>().add(index)) }
}

/// One more than the least `migration_disabled` of any task that went by itself, 0 if none has, see
/// `switch`.
#[unsafe(link_section = ".bss.disabled")]
#[unsafe(no_mangle)]
pub static LEAST_DISABLED: Shared<u64> = Shared(UnsafeCell::new(0));

/// Whether root calls that do not meet the conditions are dropped, see `decide`: not while the
/// trace finds out what runs below the roots.
#[unsafe(link_section = ".bss.deciding")]
#[unsafe(no_mangle)]
pub static DECIDING: Shared<u64> = Shared(UnsafeCell::new(0));

/// Root calls that were dropped on each CPU: the first word of a cache line.
#[unsafe(link_section = ".bss.dropped")]
#[unsafe(no_mangle)]
pub static DROPPED_CALLS: Shared<[[u64; 8]; MAX_CPUS]> =
    Shared(UnsafeCell::new([[0; 8]; MAX_CPUS]));

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
pub static SEEN: Shared<[Seen; MAX_CPUS]> = Shared(UnsafeCell::new(
    [Seen {
        image: 0,
        is_new: 0,
    }; MAX_CPUS],
));

/// That of a CPU.
#[inline(always)]
pub fn seen(cpu: u32) -> *mut Seen {
    // As in `this_cpu`, the mask is for the verifier.
    SEEN.0
        .get()
        .cast::<Seen>()
        .wrapping_add(cpu as usize & MAX_CPUS_MASK)
}

/// Events that were to be marked on each CPU, by whether a root was open: the first words of a
/// cache line. See `mark`.
#[unsafe(link_section = ".bss.marks")]
#[unsafe(no_mangle)]
pub static MARK_HITS: Shared<[[u64; 8]; MAX_CPUS]> = Shared(UnsafeCell::new([[0; 8]; MAX_CPUS]));

/// Counts one. Nothing else of its kind runs on the CPU meanwhile.
#[inline(always)]
pub fn count_mark(inside: bool) {
    // As in `this_cpu`, the mask is for the verifier.
    let cpu = cpu_number() as usize & MAX_CPUS_MASK;
    let counts = MARK_HITS.0.get().cast::<[u64; 8]>().wrapping_add(cpu);
    let count = counts.cast::<u64>().wrapping_add(usize::from(inside));
    // SAFETY: an element of the table.
    unsafe { *count += 1 };
}

/// Leaves of a number the place of a CPU.
pub const MAX_CPUS_MASK: usize = MAX_CPUS - 1;

/// Root entries that were turned away on each CPU, see [`tracer_common::Away`].
#[unsafe(link_section = ".bss.away")]
#[unsafe(no_mangle)]
pub static TURNED_AWAY: Shared<[AwayCounts; MAX_CPUS]> =
    Shared(UnsafeCell::new([[0; 8]; MAX_CPUS]));

/// Counts a root entry that is turned away on the CPU that we run on.
#[inline(always)]
pub fn count_away(cpu: u32, reason: Away) {
    // As in `this_cpu`, the masks are for the verifier.
    let cpu = cpu as usize & (MAX_CPUS - 1);
    let counts = TURNED_AWAY.0.get().cast::<AwayCounts>().wrapping_add(cpu);
    let count = counts.cast::<u64>().wrapping_add(reason as usize);
    // SAFETY: an element of the table; interrupts count here, too.
    unsafe { atomic::fetch_add(count, 1) };
}

/// One ring per possible CPU.
#[btf_map]
pub static RINGS: ArrayOfMaps<RingBuf<(), 4096>, 1> = ArrayOfMaps::new();

/// How many tasks are inside a root call of each side, 32 bits each, side 0 in the low half: one
/// word, so that a task switch costs little while there is none. The second element is how many of
/// them are in the table of those that sleep.
#[btf_map]
pub static INSIDE: Array<u64, 2> = Array::new();

/// Which functions have texts among their arguments, see [`StringArguments`]. Asked only where
/// arguments are wanted.
#[btf_map]
pub static TEXTS: Array<StringArguments, { TEXT_FUNCTIONS as usize }> = Array::new();

/// Words of memory for a stack: a power of two.
pub const STACK_WORDS: usize = 128;

/// Where a stack is written on its way to a task's events, one for each slot: a task may be
/// preempted in the middle. Userspace gives it its size, one element where no stack is wanted.
#[btf_map]
pub static STACKS: Array<[u64; STACK_WORDS], 1> = Array::new();

/// The generation of probes that root calls which begin now belong to; 0 means that none begins:
/// until userspace has attached all that the trace begins with, and again before it detaches. Read
/// when a root is entered outside any root call, and nowhere else.
#[btf_map]
pub static ARMED: Array<u64, 1> = Array::new();

/// The generation that is armed, or 0, see [`ARMED`].
#[inline(always)]
pub fn armed() -> u64 {
    match ARMED.get_ptr(0) {
        // SAFETY: the pointer was checked; volatile because userspace writes.
        Some(armed) => unsafe { core::ptr::read_volatile(armed) },
        None => 0,
    }
}

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
    CPUS.0.get().cast::<Cpu>().wrapping_add(index)
}
