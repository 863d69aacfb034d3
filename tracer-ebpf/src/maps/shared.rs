//! What userspace changes while the programs run: globals, one word each.

use core::cell::UnsafeCell;

use tracer_common::MAX_NAMES;

/// Changed by what runs on a CPU, and read by userspace.
#[repr(transparent)]
pub struct Shared<T>(UnsafeCell<T>);

// SAFETY: each CPU has an element of its own, and what nests there leaves it consistent.
unsafe impl<T> Sync for Shared<T> {}

impl<T> Shared<T> {
    /// With a value that userspace finds there.
    pub const fn new(value: T) -> Self {
        Self(UnsafeCell::new(value))
    }

    /// Where it is.
    pub const fn get(&self) -> *mut T {
        self.0.get()
    }
}

/// Whether every entry at an fprobe wants its exit, see `session`: 1 while two sets of probes are
/// on the same functions.
#[unsafe(link_section = ".bss.exits")]
#[unsafe(no_mangle)]
pub static KEEP_EXITS: Shared<u64> = Shared::new(0);

/// See [`KEEP_EXITS`].
#[inline(always)]
pub fn keeps_exits() -> bool {
    // SAFETY: a global; volatile because userspace writes.
    unsafe { core::ptr::read_volatile(KEEP_EXITS.get()) != 0 }
}

/// The cgroups that were named, by id; 0 where one is gone: userspace follows one that is made
/// again.
#[unsafe(link_section = ".bss.cgroups")]
#[unsafe(no_mangle)]
pub static CGROUPS: Shared<[u64; MAX_NAMES]> = Shared::new([0; MAX_NAMES]);

/// See [`CGROUPS`].
#[inline(always)]
pub fn cgroup(index: usize) -> u64 {
    // SAFETY: a global, and the caller's index is within; volatile because userspace writes.
    unsafe { core::ptr::read_volatile(CGROUPS.get().cast::<u64>().add(index)) }
}

/// One more than the least `migration_disabled` of any task that went by itself, 0 if none has, see
/// `switch`.
#[unsafe(link_section = ".bss.disabled")]
#[unsafe(no_mangle)]
pub static LEAST_DISABLED: Shared<u64> = Shared::new(0);

/// Of how many root calls one is traced, see [`tracer_common::sample`]; up to 1 all are.
#[unsafe(link_section = ".bss.one_in")]
#[unsafe(no_mangle)]
pub static ONE_IN: Shared<u64> = Shared::new(0);

/// Whether root calls that do not meet the conditions are dropped, see `decide`: not while the
/// trace finds out what runs below the roots.
#[unsafe(link_section = ".bss.deciding")]
#[unsafe(no_mangle)]
pub static DECIDING: Shared<u64> = Shared::new(0);
