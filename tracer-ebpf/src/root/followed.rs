//! Which processes and tasks are traced, where some were named: a bit for each number that the
//! kernel gives.
//!
//! A bit is found with a handful of instructions however many are traced, the table cannot be full,
//! and it is asked only when a root is entered outside of a root call. Userspace sets the bits of
//! those that were named. A program on the tracepoint `task_newtask` (`copy_process` in
//! kernel/fork.c: every task comes by there before it runs, threads that the kernel makes within a
//! process, too) then says it of everyone who is made: traced if the maker is and children are
//! followed, and otherwise not. So a number that has come to somebody else is not traced, and
//! nothing has to be done when a process ends.

use core::ptr;

use aya_ebpf::{EbpfContext, helpers::bpf_get_current_pid_tgid, programs::BtfTracePointContext};
use tracer_common::{FOLLOWED_LIST_BYTES, placeholder};

use crate::{
    atomic,
    maps::{config, meant},
};

/// What is listed.
#[derive(Clone, Copy)]
pub enum List {
    /// Processes (what the kernel calls tgid).
    Processes = 0,
    /// Tasks (what the kernel calls pid).
    Tasks = 1,
}

/// Whether a number of the initial PID namespace is in a list. Nobody puts the idle tasks' number 0
/// into one.
#[inline(always)]
pub fn is_followed(list: List, number: u32) -> bool {
    // SAFETY: a word of the table; volatile because other CPUs change it.
    let bits = unsafe { ptr::read_volatile(word(list, number)) };
    bits & bit(number) != 0
}

/// `trace_task_newtask(task, clone_flags)`: the current task has made another, which has not run.
#[inline(always)]
pub fn new_task(ctx: &BtfTracePointContext) {
    let maker = bpf_get_current_pid_tgid();
    let (maker_task, maker_process) = (maker as u32, (maker >> 32) as u32);
    // SAFETY: the argument is a `struct task_struct *`, and the offsets are from the running
    // kernel's BTF.
    let (task, process) = unsafe {
        let made = *ctx.as_ptr().cast::<*const u8>();
        let number = |offset: u64| *made.add(offset as usize).cast::<u32>();
        (
            number(config!(task_number_offset)),
            number(config!(process_number_offset)),
        )
    };
    // A thread is of a process that is in the list or is not.
    if config!(callers.processes_named) != 0 && task == process {
        inherit(List::Processes, maker_process, process);
    }
    if config!(callers.tasks_named) != 0 {
        inherit(List::Tasks, maker_task, task);
    }
}

#[inline(always)]
fn inherit(list: List, from: u32, to: u32) {
    // SAFETY: a word of the table, which other CPUs change at the same time.
    unsafe {
        if config!(callers.children_followed) != 0 && is_followed(list, from) {
            atomic::set_bits(word(list, to), bit(to));
        } else if is_followed(list, to) {
            atomic::clear_bits(word(list, to), bit(to));
        }
    }
}

#[inline(always)]
const fn bit(number: u32) -> u64 {
    1 << (number % u64::BITS)
}

/// Where the bit of a number is. The kernel gives none above the list's end (PID_MAX_LIMIT,
/// include/linux/threads.h); the mask is for the verifier.
#[inline(always)]
fn word(list: List, number: u32) -> *mut u64 {
    const WORD_BYTES: u32 = size_of::<u64>() as u32;
    let offset = (number / u64::BITS * WORD_BYTES) & (FOLLOWED_LIST_BYTES - WORD_BYTES);
    (meant::<{ placeholder::FOLLOWED }>() as *mut u8)
        .wrapping_add(offset as usize)
        .wrapping_add(list as usize * FOLLOWED_LIST_BYTES as usize)
        .cast()
}
