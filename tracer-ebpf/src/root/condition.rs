//! Conditions on a call that has returned: how long it took, and what it answered.
//!
//! They are constants in the programs' text.

use tracer_common::count::{Returned, placeholder};

use crate::{maps::meant, probe::Site};

/// Whether a call meets what was asked for.
#[inline(always)]
pub fn meets<S: Site>(duration: u64, returned: Returned, site: &S) -> bool {
    if duration < meant::<{ placeholder::AT_LEAST }>() {
        return false;
    }
    if meant::<{ placeholder::FAILED }>() != 0 && returned.error_in(site.value()) == 0 {
        return false;
    }
    let range = meant::<{ placeholder::RANGE }>();
    if range == 0 {
        return true;
    }
    let value = returned.value(site.value());
    let lowest = meant::<{ placeholder::LOWEST }>() as i64;
    let highest = meant::<{ placeholder::HIGHEST }>() as i64;
    returned.has_value() && (value >= lowest && value <= highest) == (range == 1)
}
