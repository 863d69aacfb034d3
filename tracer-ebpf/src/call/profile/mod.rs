//! Functions below roots in numbers, for `tracer profile`: no event, no ring.
//!
//! Gate, tasks, guards and depth are those of a trace. But where a trace stores an event, an entry
//! here keeps the time with its open call ([`enter`]), and the exit adds the call to the row of its
//! function on this CPU ([`Exit::add`], tracer-common/src/profile.rs) and its time to what its
//! caller spent below itself. The clocks of a task's open calls lie in its first buffer, which has
//! no events then. A task that sleeps keeps its slot, because its clocks are there.
//!
//! Whether it is so is a constant in the programs' text: the verifier removes either this or what
//! makes events. Additions are atomic: interrupts on top add to the same caller, and where the
//! kernel can be preempted, two sets of probes may add to one row while the one takes over from the
//! other.

mod row;

use core::{hint::cold_path, mem::offset_of, ptr};

use aya_ebpf::helpers::bpf_ktime_get_ns;

use tracer_common::{
    count::bucket_of,
    generation, placeholder,
    profile::{By, Cell, Row, Sums, error_key, row_key, time_key},
};

use crate::{
    atomic,
    maps::{FRAMES, Task, below, counts_functions, cpu_number, meant},
    task::calls,
};
use row::{Element, find, raise};

/// The times of an open call.
#[repr(C)]
struct Clock {
    /// When it was entered, ns of CLOCK_MONOTONIC.
    entered: u64,
    /// Time of the calls below that have returned, ns.
    below: u64,
}

/// The clock of the open call at `depth`, which is below [`FRAMES`].
#[inline(always)]
unsafe fn clock(task: *mut Task, depth: u64) -> *mut Clock {
    // SAFETY: the caller's checked map value and its promise; there is room in the buffer.
    unsafe {
        (&raw mut (*task).first.events)
            .cast::<Clock>()
            .add(depth as usize)
    }
}

/// The clock of the open call under the one at `caller`; `caller` is below [`FRAMES`] - 1. Counted
/// from that one: it is the number that the verifier has seen compared.
#[inline(always)]
unsafe fn clock_under(task: *mut Task, caller: u64) -> *mut Clock {
    // SAFETY: the caller's checked map value and its promise.
    unsafe { clock(task, caller).add(1) }
}

/// Starts the clock of the call under the one at `caller`.
#[inline(always)]
pub unsafe fn enter_under(task: *mut Task, caller: u64) {
    // SAFETY: the caller's task and depth.
    unsafe { start(clock_under(task, caller)) };
}

/// Starts the clock of the call at `depth`, if clocks are kept so deep.
#[inline(always)]
pub unsafe fn enter(task: *mut Task, depth: u64) {
    match below(depth, FRAMES as u64) {
        // SAFETY: the caller's task; the depth is checked.
        Some(depth) => unsafe { start(clock(task, depth)) },
        None => count_too_deep(),
    }
}

/// Last of all, so that our own work is not in the call's time.
#[inline(always)]
unsafe fn start(clock: *mut Clock) {
    // SAFETY: the caller's clock.
    unsafe {
        ptr::write_volatile(&raw mut (*clock).entered, bpf_ktime_get_ns());
        // What an interrupt has added before is not in the time.
        ptr::write_volatile(&raw mut (*clock).below, 0);
    }
}

/// A call that returns.
#[derive(Clone, Copy)]
pub struct Exit {
    duration: u64,
    own: u64,
    key: u64,
}

impl Exit {
    /// The call under the one at `caller` returned at `time_ns`. To be asked for as long as it
    /// counts as open: then its clock is no other's.
    #[inline(always)]
    pub unsafe fn under(task: *mut Task, caller: u64, function: u32, time_ns: u64) -> Self {
        // SAFETY: the caller's task and depth.
        unsafe {
            let exit = Self::of(clock_under(task, caller), function, time_ns);
            atomic::fetch_add(&raw mut (*clock(task, caller)).below, exit.duration);
            if meant::<{ placeholder::PROFILE }>() != By::Caller as u64 {
                return exit;
            }
            let call = calls::call(task, caller);
            let caller = ptr::read_volatile(&raw const (*call).identity) as u32;
            Self {
                key: row_key(function, caller),
                ..exit
            }
        }
    }

    #[inline(always)]
    unsafe fn of(clock: *mut Clock, function: u32, time_ns: u64) -> Self {
        // SAFETY: the caller's clock.
        unsafe {
            let duration = time_ns.wrapping_sub(ptr::read_volatile(&raw const (*clock).entered));
            let below = ptr::read_volatile(&raw const (*clock).below);
            Self {
                duration,
                own: duration.saturating_sub(below),
                key: row_key(function, 0),
            }
        }
    }

    /// Adds the call, which returned this register.
    #[inline(always)]
    pub fn add(self, value: u64) {
        let cpu = u64::from(cpu_number());
        let Some(row) = find::<Row>(cpu, self.key) else {
            cold_path();
            add_to(cpu, offset_of!(Sums, without_row), 1);
            return;
        };
        // SAFETY: a row of the table.
        unsafe {
            atomic::fetch_add(&raw mut (*row.element).total, self.duration);
            atomic::fetch_add(&raw mut (*row.element).own, self.own);
            if self.duration > (*row.element).longest {
                cold_path();
                raise(&raw mut (*row.element).longest, self.duration);
            }
            if !self.duration > (*row.element).shortest {
                cold_path();
                raise(&raw mut (*row.element).shortest, !self.duration);
            }
            let key = time_key(row.place, bucket_of(self.duration));
            match find::<Cell>(cpu, key) {
                Some(cell) => atomic::fetch_add(&raw mut (*cell.element).count, 1),
                None => atomic::fetch_add(&raw mut (*row.element).without_cell, 1),
            };
        }
        // The negative numbers that are errors (MAX_ERRNO, include/linux/err.h), in 32 bits or 64:
        // userspace knows which of them the function returns.
        let error = (value as u32).wrapping_neg();
        if error.wrapping_sub(1) < 4095 {
            cold_path();
            count_error(cpu, row.place, value);
        }
    }
}

/// The root returned.
#[inline(never)]
pub fn leave_root(task: *mut Task, function: u32, time_ns: u64, value: u64) {
    // SAFETY: the caller's task.
    unsafe { Exit::of(clock(task, 0), function, time_ns).add(value) };
}

/// As [`Exit::under`] and [`Exit::add`], where nothing is in a hurry.
#[inline(never)]
pub fn leave_under(task: *mut Task, caller: u64, function: u32, time_ns: u64, value: u64) {
    if let Some(caller) = below(caller, FRAMES as u64 - 1) {
        // SAFETY: the caller's task; the depth is checked.
        unsafe { Exit::under(task, caller, function, time_ns).add(value) };
    }
}

#[inline(never)]
fn count_error(cpu: u64, row: u64, value: u64) {
    let error = value.wrapping_neg();
    let is_wide = error < 4096;
    match find::<Cell>(cpu, error_key(row, error & 4095, is_wide)) {
        // SAFETY: a cell of the table.
        Some(cell) => unsafe {
            atomic::fetch_add(&raw mut (*cell.element).count, 1);
        },
        None => add_to(cpu, offset_of!(Sums, without_cell), 1),
    }
}

/// A root call of this generation returned.
#[inline(always)]
pub fn count_root_call(generation: u64) {
    const COUNTS: usize = offset_of!(Sums, root_calls);
    let side = generation::side(generation) as usize;
    add_to(u64::from(cpu_number()), COUNTS + side * size_of::<u64>(), 1);
}

/// So many calls are over whose exit did not come.
#[inline(always)]
pub fn count_without_exit(calls: u32) {
    if calls > 0 {
        cold_path();
        let cpu = u64::from(cpu_number());
        add_to(cpu, offset_of!(Sums, without_exit), u64::from(calls));
    }
}

/// All calls of the task that are open are over, and their exits did not come.
#[inline(always)]
pub fn count_open(task: *mut Task) {
    if counts_functions() {
        // SAFETY: the caller's checked map value.
        count_without_exit(unsafe { calls::read(task) });
    }
}

/// An exit came of which no entry is known.
#[inline(always)]
pub fn count_without_entry() {
    let cpu = u64::from(cpu_number());
    add_to(cpu, offset_of!(Sums, without_entry), 1);
}

/// A call is entered deeper than open calls are kept.
#[inline(always)]
fn count_too_deep() {
    add_to(u64::from(cpu_number()), offset_of!(Sums, too_deep), 1);
}

/// Adds to the number that lies so far in the [`Sums`] of this CPU.
#[inline(always)]
fn add_to(cpu: u64, offset: usize, delta: u64) {
    let sums = Row::at(cpu, 0).cast::<u8>();
    // SAFETY: the first place of the CPU's rows.
    unsafe { atomic::fetch_add(sums.wrapping_add(offset).cast(), delta) };
}
