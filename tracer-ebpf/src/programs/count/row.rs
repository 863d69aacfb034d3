//! Adding a call to the row of its root on this CPU.
//!
//! No two programs that change a row run at a time, see [`Row`], so nothing is atomic but the count
//! of a limit, which all CPUs share.

use tracer_common::count::{
    ASK, BUCKETS, ERROR_PLACES, ERRORS, ErrorCount, LINEAR_BUCKETS, Linear, ROW_BYTES, Returned,
    Row, Switch, Unit, bucket_of, placeholder, values::ZERO,
};

use super::by;
use crate::{
    atomic,
    maps::{below, cpu_number, meant},
    probe::Site,
    root::condition::meets,
};

/// The row of a root on this CPU, or of the value that has this place. After the switch, whose
/// place is as large, those of a CPU stand together.
#[inline(always)]
fn row_of(root: u64, place: u64) -> Option<*mut Row> {
    let row = match meant::<{ placeholder::PLACES }>() {
        0 => root,
        places => root * places + place,
    };
    let number = u64::from(cpu_number()) * meant::<{ placeholder::ROOTS }>() + row;
    let number = below(number, meant::<{ placeholder::ROW_COUNT }>())?;
    let offset = (number << ROW_BYTES.trailing_zeros()) + u64::from(ROW_BYTES);
    Some(
        (meant::<{ placeholder::ROWS }>() as *mut u8)
            .wrapping_add(offset as usize)
            .cast(),
    )
}

/// An exit came of which no entry is known.
#[inline(always)]
pub fn missed(root: u64) {
    if let Some(row) = row_of(root, ZERO) {
        // SAFETY: a row of the table.
        unsafe { (*row).without_entry += 1 };
    }
}

/// A call is entered whose exit may be skipped.
#[inline(always)]
pub fn entered(root: u64) {
    if let Some(row) = row_of(root, ZERO) {
        // SAFETY: as above.
        unsafe { (*row).entered += 1 };
    }
}

/// An entry found an earlier call with its frame open.
#[inline(always)]
pub fn without_exit(root: u64) {
    if let Some(row) = row_of(root, ZERO) {
        // SAFETY: as above.
        unsafe { (*row).without_exit += 1 };
    }
}

/// An entry found no place among the open calls.
#[inline(always)]
pub fn no_place(root: u64) {
    if let Some(row) = row_of(root, ZERO) {
        // SAFETY: as above.
        unsafe { (*row).no_place += 1 };
    }
}

/// Adds a call, if it meets the conditions. `begun` is what its entry left, see [`by::begun`].
#[inline(always)]
pub fn add<S: Site>(root: u64, begun: u64, now: u64, site: &S) {
    let (place, duration) = by::place_and_duration(begun, now);
    let Some(row) = row_of(root, place) else {
        return;
    };
    // SAFETY: a row of the table.
    unsafe {
        let returned = match meant::<{ placeholder::RETURNED }>() {
            ASK => Returned((*row).returned),
            known => Returned(known),
        };
        if !meets(duration, returned, site) {
            (*row).filtered_out += 1;
            return;
        }
        if is_enough() {
            return;
        }
        let error = returned.error_in(site.value());
        if error != 0 {
            count_error(row, error);
        }
        (*row).total += duration;
        if duration < (*row).shortest {
            (*row).shortest = duration;
        }
        if duration > (*row).longest {
            (*row).longest = duration;
        }
        count_linear(row, duration);
        let unit = if meant::<{ placeholder::NANOSECONDS }>() == 0 {
            Unit::Microseconds
        } else {
            Unit::Nanoseconds
        };
        if let Some(bucket) = below(bucket_of(unit.of(duration)), BUCKETS as u64) {
            let bucket = (&raw mut (*row).buckets)
                .cast::<u64>()
                .wrapping_add(bucket as usize);
            *bucket += 1;
        }
    }
}

/// Whether as many calls have been counted as were asked for.
#[inline(always)]
fn is_enough() -> bool {
    let limit = meant::<{ placeholder::LIMIT }>();
    if limit == 0 {
        return false;
    }
    let switch = meant::<{ placeholder::ROWS }>() as *mut Switch;
    // SAFETY: the memory begins with the switch.
    unsafe { atomic::fetch_add(&raw mut (*switch).taken, 1) >= limit }
}

/// # Safety
/// A row of the table.
#[inline(always)]
unsafe fn count_linear(row: *mut Row, duration: u64) {
    let width = meant::<{ placeholder::LINEAR_WIDTH }>();
    if width == 0 {
        return;
    }
    let linear = Linear {
        from_ns: meant::<{ placeholder::LINEAR_FROM }>(),
        width_ns: width,
        last: meant::<{ placeholder::LINEAR_LAST }>(),
    };
    if let Some(bucket) = below(linear.bucket_of(duration), LINEAR_BUCKETS as u64) {
        // SAFETY: the caller's row.
        unsafe {
            let bucket = (&raw mut (*row).linear)
                .cast::<u64>()
                .wrapping_add(bucket as usize);
            *bucket += 1;
        }
    }
}

/// An error is looked for in some places from its own on.
///
/// # Safety
/// A row of the table.
#[inline(always)]
unsafe fn count_error(row: *mut Row, error: u64) {
    // SAFETY: the caller's row.
    unsafe {
        let errors = (&raw mut (*row).errors).cast::<ErrorCount>();
        for attempt in 0..ERROR_PLACES as u64 {
            let Some(place) = below((error + attempt) % ERRORS as u64, ERRORS as u64) else {
                continue;
            };
            let place = errors.wrapping_add(place as usize);
            if (*place).error == 0 {
                (*place).error = error;
            }
            if (*place).error == error {
                (*place).count += 1;
                return;
            }
        }
        (*row).other_errors += 1;
    }
}
