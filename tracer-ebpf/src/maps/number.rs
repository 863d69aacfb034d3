//! Numbers as the verifier must see them: the compiler knows nothing of them, so it neither folds a
//! comparison away nor goes on with another register of the same value.

use core::arch::asm;

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

/// A number that is less than `limit`, which is a constant to the verifier; none if it is not. What
/// comes after uses the register that was compared, and no other one of the same value, of which
/// the verifier would know nothing.
#[inline(always)]
pub fn below(number: u64, limit: u64) -> Option<u64> {
    let mut number = number;
    // SAFETY: does nothing; the compiler must not know that.
    unsafe { asm!("/* {0} */", inout(reg) number, options(nomem, nostack, preserves_flags)) };
    if number >= limit {
        return None;
    }
    // SAFETY: as above.
    unsafe { asm!("/* {0} */", inout(reg) number, options(nomem, nostack, preserves_flags)) };
    Some(number)
}
