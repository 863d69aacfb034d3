//! Programs of many functions that have one for their entries and one for their exits: kprobe.multi
//! and kretprobe.multi (kernels 5.18+ with CONFIG_FPROBE), where there is no kprobe.session.
//!
//! Entry and exit have no cookie in common. What they share is the stack pointer that the function
//! began with, see [`crate::arch`]. An exit always comes: the entry cannot decline it.

use aya_ebpf::bindings::pt_regs;

use crate::{
    arch,
    call::excluded,
    path::{fast, root},
    probe::{ProbeSite, trampoline},
    task::gate,
};

type Site = ProbeSite<true>;

/// Where a program of an entry runs.
#[inline(always)]
fn at_entry(registers: *mut pt_regs) -> Site {
    // SAFETY: the registers are the program's context.
    let frame = unsafe { arch::stack_at_entry(registers) };
    Site { registers, frame }
}

/// Where a program of an exit runs.
#[inline(always)]
fn at_exit(registers: *mut pt_regs) -> Site {
    // SAFETY: the registers are the program's context.
    let frame = unsafe { arch::stack_at_exit(registers) };
    Site { registers, frame }
}

/// A function that may run under a root was entered.
#[inline(always)]
pub fn callee_entry(registers: *mut pt_regs) {
    if let Some(task) = gate::inside() {
        fast::entry(&at_entry(registers), task);
    }
}

/// As [`callee_entry`], of a function that trampolines call, too.
#[inline(always)]
pub fn shared_entry(registers: *mut pt_regs) {
    if let Some(task) = gate::inside() {
        let site = at_entry(registers);
        if !trampoline::calls(&site) {
            fast::entry(&site, task);
        }
    }
}

/// A function that may run under a root returned.
#[inline(always)]
pub fn callee_exit(registers: *mut pt_regs) {
    if let Some(task) = gate::inside() {
        fast::exit(&at_exit(registers), task);
    }
}

/// As [`callee_exit`], of a function that trampolines call, too: of a call whose entry was passed
/// over nothing is open.
#[inline(always)]
pub fn shared_exit(registers: *mut pt_regs) {
    if let Some(task) = gate::inside() {
        let site = at_exit(registers);
        if excluded::is_of_open_call(task, site.frame) {
            fast::exit(&site, task);
        }
    }
}

/// A root was entered.
#[inline(always)]
pub fn root_entry(registers: *mut pt_regs) {
    root::entry(&at_entry(registers));
}

/// A root returned.
#[inline(always)]
pub fn root_exit(registers: *mut pt_regs) {
    root::exit(&at_exit(registers));
}

/// An excluded function was entered.
#[inline(always)]
pub fn excluded_entry(registers: *mut pt_regs) {
    excluded::entry(&at_entry(registers));
}

/// An excluded function returned.
#[inline(always)]
pub fn excluded_exit(registers: *mut pt_regs) {
    excluded::exit(&at_exit(registers));
}
