//! Programs that run at the entry and at the exit of any number of functions: fsession.multi
//! (kernels 7.2+) and kprobe.session (6.10+).
//!
//! Being one program for both ends has a virtue: the kernel skips a program that is hit again while
//! it runs, and what an interrupt in the middle of it calls is then skipped at both ends, so no
//! call is seen by half. A kprobe.session needs no type information of a function, and an entry
//! that answers [`NO_EXIT`] costs no exit.
//!
//! aya's attributes make a program that answers 0 whatever its function says, so those for fprobes
//! do without; userspace tells the kernel what they are.

use core::arch::asm;

use aya_ebpf::{EbpfContext as _, bindings::pt_regs, programs::FEntryContext};

use crate::{
    arch,
    call::excluded,
    maps::{Task, keeps_exits},
    path::{fast, root},
    probe::{
        ProbeSite, TrampolineSite,
        session::{cookie, is_return},
        trampoline,
    },
    task::gate,
};

/// The exit is wanted; the answer of an exit means nothing (kprobe_multi_link_handler,
/// kernel/trace/bpf_trace.c).
const EXIT: i32 = 0;

/// The exit is not wanted.
const NO_EXIT: i32 = 1;

/// Runs `entry` or `exit` at a trampoline, whose exit always comes.
#[inline(always)]
fn at_trampoline(
    site: TrampolineSite,
    entry: impl FnOnce(&TrampolineSite) -> bool,
    exit: impl FnOnce(&TrampolineSite),
) {
    // SAFETY: the context is the program's own.
    if unsafe { is_return(site.as_ptr()) } {
        exit(&site);
    } else {
        entry(&site);
    }
}

/// A function that may run under a root, at a trampoline.
#[inline(always)]
pub fn callee(ctx: &FEntryContext) {
    if let Some(task) = gate::inside() {
        at_trampoline(
            TrampolineSite::of(ctx),
            |site| fast::entry(site, task),
            |site| fast::exit(site, task),
        );
    }
}

/// A root, at a trampoline.
#[inline(always)]
pub fn root_call(ctx: &FEntryContext) {
    at_trampoline(TrampolineSite::of(ctx), root::entry, root::exit);
}

/// An excluded function, at a trampoline.
#[inline(always)]
pub fn excluded_call(ctx: &FEntryContext) {
    at_trampoline(TrampolineSite::of(ctx), excluded::entry, excluded::exit);
}

/// The answer of an entry whose call is not recorded. Where two fprobes are on a function and one
/// of them declines its exit, kernels that keep their data side by side do not clear what the one
/// declined, and read it at the exit as if it were there (fprobe_fgraph_entry,
/// kernel/trace/fprobe.c: memset of words as bytes; a warning in fprobe_return, seen on 6.18). So
/// nothing is declined while that may be, and the exit finds a cookie of 0.
#[inline(always)]
fn declined(registers: *mut pt_regs) -> i32 {
    if !keeps_exits() {
        return NO_EXIT;
    }
    // SAFETY: the context is the program's own, at its entry or, where nothing is kept, at its
    // exit.
    unsafe { *cookie(registers.cast()) = 0 };
    EXIT
}

/// Runs `entry`, which says whether the exit is wanted, or `exit`, at an fprobe.
#[inline(always)]
fn at_fprobe(
    registers: *mut pt_regs,
    entry: impl FnOnce(&ProbeSite<false>) -> bool,
    exit: impl FnOnce(&ProbeSite<false>),
) -> i32 {
    // SAFETY: the context is the program's own.
    let (is_return, cookie) = unsafe { (is_return(registers.cast()), cookie(registers.cast())) };
    if is_return {
        // SAFETY: see `cookie`.
        let frame = unsafe { *cookie };
        if frame != 0 {
            exit(&ProbeSite { registers, frame });
        }
        return EXIT;
    }
    // SAFETY: the registers are the program's context; for the other see `cookie`.
    let frame = unsafe {
        let frame = arch::stack_at_entry(registers);
        *cookie = frame;
        frame
    };
    if entry(&ProbeSite { registers, frame }) {
        EXIT
    } else {
        declined(registers)
    }
}

/// A function that may run under a root, at an fprobe.
#[inline(always)]
pub fn callee_probe(registers: *mut pt_regs) -> i32 {
    match gate::inside() {
        Some(task) => callee_probe_inside(registers, task),
        None => declined(registers),
    }
}

#[inline(never)]
fn callee_probe_inside(registers: *mut pt_regs, task: *mut Task) -> i32 {
    at_fprobe(
        registers,
        |site| fast::entry(site, task),
        |site| fast::exit(site, task),
    )
}

/// As [`callee_probe`], for a function that trampolines call, too: what they do for a probe is none
/// of the graph.
#[inline(always)]
pub fn shared_probe(registers: *mut pt_regs) -> i32 {
    match gate::inside() {
        Some(task) => shared_probe_inside(registers, task),
        None => declined(registers),
    }
}

#[inline(never)]
fn shared_probe_inside(registers: *mut pt_regs, task: *mut Task) -> i32 {
    at_fprobe(
        registers,
        |site| !trampoline::calls(site) && fast::entry(site, task),
        |site| fast::exit(site, task),
    )
}

/// A root, at an fprobe.
#[inline(always)]
pub fn root_probe(registers: *mut pt_regs) -> i32 {
    let mut answer = at_fprobe(registers, root::entry, root::exit);
    // The verifier loses sight of what was kept on the stack as 32 bits, and 7.3's wants to see an
    // answer of one bit. SAFETY: does nothing; the compiler must not know that.
    unsafe { asm!("", inout("w0") answer, options(nomem, nostack, preserves_flags)) };
    answer & NO_EXIT
}

/// An excluded function, at an fprobe.
#[inline(always)]
pub fn excluded_probe(registers: *mut pt_regs) -> i32 {
    if gate::inside_root().is_none() {
        return NO_EXIT;
    }
    at_fprobe(registers, excluded::entry, excluded::exit)
}
