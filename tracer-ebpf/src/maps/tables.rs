//! The maps proper: rings, and tables that userspace fills or reads.
//!
//! Arrays only: the verifier turns their look-ups into a few instructions (array_map_gen_lookup,
//! kernel/bpf/arraymap.c), no lock is taken and no traced function runs. Userspace sets the real
//! sizes when it loads the object.

use aya_ebpf::{
    btf_maps::{Array, ArrayOfMaps, RingBuf},
    macros::btf_map,
};
use tracer_common::{STRING_FUNCTIONS, StringArguments};

/// One ring per possible CPU.
#[btf_map]
pub static RINGS: ArrayOfMaps<RingBuf<(), 4096>, 1> = ArrayOfMaps::new();

/// How many tasks are inside a root call of each side, 32 bits each, side 0 in the low half: one
/// word, so that a task switch costs little while there is none. The second element is how many of
/// them are in the table of those that sleep.
#[btf_map]
pub static INSIDE: Array<u64, 2> = Array::new();

/// Which functions have strings among their arguments, see [`StringArguments`]. Asked only where
/// arguments are wanted.
#[btf_map]
pub static STRINGS: Array<StringArguments, { STRING_FUNCTIONS as usize }> = Array::new();

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
