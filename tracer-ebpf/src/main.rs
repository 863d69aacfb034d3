//! The eBPF side of tracer.
//!
//! Probe programs, each serving any number of functions: entry and exit of a root, of a callee, and
//! of a function that is excluded with all below it; function by function, or as one program for
//! both ends. A root opens and closes a root call; an excluded function makes no events. A
//! tracepoint keeps "which task runs on this CPU" right across switches and ends the calls of tasks
//! that die.
//!
//! Each folder uses those after it, none before it: `programs` (by mechanism) -> `path` (what a
//! probe does: gate, guard, event) -> `root` (which root calls begin, how they end) -> `call` (what
//! is recorded of a call besides its ends) -> `batch` (an event into the task's batch; the batch
//! into the CPU's ring) -> `task` (whether it is inside a root, and its state) -> `probe` (what a
//! probe knows by itself) -> `maps` (what is kept). There is no policy here: what is traced is
//! decided by what userspace attaches and by the constants of [`tracer_common::Config`].
#![no_std]
#![no_main]
#![feature(core_intrinsics, asm_experimental_arch)]
#![allow(internal_features)]
// The attribute macros of aya-ebpf make a second, undocumented function of each program.
#![allow(missing_docs)]

mod arch;
mod atomic;
mod batch;
mod call;
mod maps;
mod path;
mod probe;
mod programs;
mod root;
mod task;

use aya_ebpf::{
    EbpfContext as _,
    bindings::pt_regs,
    macros::{btf_tracepoint, fentry, fexit, tracepoint},
    programs::{BtfTracePointContext, FEntryContext, FExitContext, TracePointContext},
};

use call::excluded;
use probe::TrampolineSite;
use programs::{kprobe, mark, pair, session, switch};
use root::followed;

/// A root was entered.
#[fentry]
pub fn root_entry(ctx: FEntryContext) -> i32 {
    path::root::entry(&TrampolineSite::of(&ctx));
    0
}

/// A root returned.
#[fexit]
pub fn root_exit(ctx: FExitContext) -> i32 {
    path::root::exit(&TrampolineSite::of(&ctx));
    0
}

/// A function that may run under a root was entered.
#[fentry]
pub fn callee_entry(ctx: FEntryContext) -> i32 {
    pair::callee_entry(TrampolineSite::of(&ctx));
    0
}

/// A function that may run under a root returned.
#[fexit]
pub fn callee_exit(ctx: FExitContext) -> i32 {
    pair::callee_exit(TrampolineSite::of(&ctx));
    0
}

/// A function that is excluded was entered.
#[fentry]
pub fn excluded_entry(ctx: FEntryContext) -> i32 {
    excluded::entry(&TrampolineSite::of(&ctx));
    0
}

/// A function that is excluded returned.
#[fexit]
pub fn excluded_exit(ctx: FExitContext) -> i32 {
    excluded::exit(&TrampolineSite::of(&ctx));
    0
}

/// A root, at its entry and at its exit, at a trampoline.
#[fentry]
pub fn root_session(ctx: FEntryContext) -> i32 {
    session::root_call(&ctx);
    0
}

/// A root, at its entry and at its exit, at an fprobe.
// SAFETY: no other symbol has the name.
#[unsafe(no_mangle)]
#[unsafe(link_section = "fentry")]
pub extern "C" fn root_probe(registers: *mut pt_regs) -> i32 {
    session::root_probe(registers)
}

/// A function that may run under a root, at its entry and at its exit, at a trampoline.
#[fentry]
pub fn callee_session(ctx: FEntryContext) -> i32 {
    session::callee(&ctx);
    0
}

/// A function that may run under a root, at its entry and at its exit, at an fprobe.
// SAFETY: no other symbol has the name.
#[unsafe(no_mangle)]
#[unsafe(link_section = "fentry")]
pub extern "C" fn callee_probe(registers: *mut pt_regs) -> i32 {
    session::callee_probe(registers)
}

/// A function that may run under a root and that trampolines call, too, at its entry and at its
/// exit, at an fprobe.
// SAFETY: no other symbol has the name.
#[unsafe(no_mangle)]
#[unsafe(link_section = "fentry")]
pub extern "C" fn shared_probe(registers: *mut pt_regs) -> i32 {
    session::shared_probe(registers)
}

/// A function that is excluded, at its entry and at its exit, at a trampoline.
#[fentry]
pub fn excluded_session(ctx: FEntryContext) -> i32 {
    session::excluded_call(&ctx);
    0
}

/// A function that is excluded, at its entry and at its exit, at an fprobe.
// SAFETY: no other symbol has the name.
#[unsafe(no_mangle)]
#[unsafe(link_section = "fentry")]
pub extern "C" fn excluded_probe(registers: *mut pt_regs) -> i32 {
    session::excluded_probe(registers)
}

/// A root was entered, at an fprobe of this end alone.
// SAFETY: no other symbol has the name.
#[unsafe(no_mangle)]
#[unsafe(link_section = "fentry")]
pub extern "C" fn root_kentry(registers: *mut pt_regs) -> i32 {
    kprobe::root_entry(registers);
    0
}

/// A root returned, at an fprobe of this end alone.
// SAFETY: no other symbol has the name.
#[unsafe(no_mangle)]
#[unsafe(link_section = "fentry")]
pub extern "C" fn root_kexit(registers: *mut pt_regs) -> i32 {
    kprobe::root_exit(registers);
    0
}

/// A function that may run under a root was entered, at an fprobe of this end alone.
// SAFETY: no other symbol has the name.
#[unsafe(no_mangle)]
#[unsafe(link_section = "fentry")]
pub extern "C" fn callee_kentry(registers: *mut pt_regs) -> i32 {
    kprobe::callee_entry(registers);
    0
}

/// A function that may run under a root returned, at an fprobe of this end alone.
// SAFETY: no other symbol has the name.
#[unsafe(no_mangle)]
#[unsafe(link_section = "fentry")]
pub extern "C" fn callee_kexit(registers: *mut pt_regs) -> i32 {
    kprobe::callee_exit(registers);
    0
}

/// A function that may run under a root and that trampolines call, too, was entered, at an fprobe
/// of this end alone.
// SAFETY: no other symbol has the name.
#[unsafe(no_mangle)]
#[unsafe(link_section = "fentry")]
pub extern "C" fn shared_kentry(registers: *mut pt_regs) -> i32 {
    kprobe::shared_entry(registers);
    0
}

/// A function that may run under a root and that trampolines call, too, returned, at an fprobe of
/// this end alone.
// SAFETY: no other symbol has the name.
#[unsafe(no_mangle)]
#[unsafe(link_section = "fentry")]
pub extern "C" fn shared_kexit(registers: *mut pt_regs) -> i32 {
    kprobe::shared_exit(registers);
    0
}

/// A function that is excluded was entered, at an fprobe of this end alone.
// SAFETY: no other symbol has the name.
#[unsafe(no_mangle)]
#[unsafe(link_section = "fentry")]
pub extern "C" fn excluded_kentry(registers: *mut pt_regs) -> i32 {
    kprobe::excluded_entry(registers);
    0
}

/// A function that is excluded returned, at an fprobe of this end alone.
// SAFETY: no other symbol has the name.
#[unsafe(no_mangle)]
#[unsafe(link_section = "fentry")]
pub extern "C" fn excluded_kexit(registers: *mut pt_regs) -> i32 {
    kprobe::excluded_exit(registers);
    0
}

/// The CPU goes from one task to another, or a task dies.
#[btf_tracepoint(function = "sched_switch")]
pub fn sched_switch(ctx: BtfTracePointContext) -> i32 {
    switch::sched_switch(&ctx);
    0
}

/// A task was made.
#[btf_tracepoint(function = "task_newtask")]
pub fn task_newtask(ctx: BtfTracePointContext) -> i32 {
    followed::new_task(&ctx);
    0
}

/// An event of a tracepoint. The answer is for perf's own users of the event: they have it, too.
#[tracepoint]
pub fn mark_tracepoint(ctx: TracePointContext) -> u32 {
    mark::tracepoint(ctx.as_ptr());
    1
}

#[panic_handler]
fn panic(_info: &core::panic::PanicInfo<'_>) -> ! {
    loop {}
}

/// Helpers such as `bpf_get_func_ip` are for GPL-compatible programs only.
#[unsafe(link_section = "license")]
#[unsafe(no_mangle)]
static LICENSE: [u8; 4] = *b"GPL\0";
