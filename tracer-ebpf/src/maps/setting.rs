//! What userspace has set: [`CONFIG`], and numbers in the programs' text.
//!
//! Both are constants to the verifier, so it removes what was not asked for.

use core::arch::asm;

use tracer_common::{Config, placeholder};

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

/// Whether functions are counted here and no event is made.
#[inline(always)]
pub fn counts_functions() -> bool {
    meant::<{ placeholder::PROFILE }>() != 0
}

/// Whether root calls may be dropped in this trace.
#[inline(always)]
pub fn may_drop() -> bool {
    meant::<{ placeholder::DECIDE }>() != 0
}

/// Whether root calls may be sampled in this trace.
#[inline(always)]
pub fn may_sample() -> bool {
    meant::<{ placeholder::SAMPLES }>() != 0
}

/// Whether each call of a root has its stack, also within a root call.
#[inline(always)]
pub fn wants_stacks_of_roots() -> bool {
    config!(stacks) == Config::STACKS_OF_ROOTS
}
