//! The arguments of a call, as many as registers hold.

use crate::probe::Site;

/// Argument registers, and room so that any number of three bits is a place.
pub type Arguments = [u64; 8];

/// Those of the call at a site.
#[inline(always)]
pub fn arguments<S: Site>(ctx: &S) -> Arguments {
    // No loop: see `Site::argument`.
    [
        ctx.argument::<0>().unwrap_or(0),
        ctx.argument::<1>().unwrap_or(0),
        ctx.argument::<2>().unwrap_or(0),
        ctx.argument::<3>().unwrap_or(0),
        ctx.argument::<4>().unwrap_or(0),
        ctx.argument::<5>().unwrap_or(0),
        0,
        0,
    ]
}
