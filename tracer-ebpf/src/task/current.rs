//! The task that runs here.
//!
//! It is known by the address of its `task_struct`: that is one as long as the task can run,
//! for idle tasks too, and also where a task takes over the number of another (a thread that calls
//! execve(2), `exchange_tids` in kernel/pid.c) or its number is given away before it has run for
//! the last time (`release_task` in kernel/exit.c).

use core::ptr;

use aya_ebpf::helpers::generated::{bpf_get_current_comm, bpf_get_current_task};

/// What identifies the task that runs here.
#[inline(always)]
pub fn current() -> u64 {
    // SAFETY: a helper without arguments.
    unsafe { bpf_get_current_task() }
}

/// Reads the current task's name to where it is wanted. It is cleared before: 6.1 leaves what
/// stands behind the name's end (bpf_get_current_comm, kernel/bpf/helpers.c). As words: the
/// compiler clears and copies 16 bytes one by one, in a loop.
#[inline(always)]
pub unsafe fn read_name(name: *mut [u64; 2]) {
    // SAFETY: the caller's place, which is as large as the helper is told.
    unsafe {
        let word = name.cast::<u64>();
        ptr::write_volatile(word, 0);
        ptr::write_volatile(word.add(1), 0);
        bpf_get_current_comm(name.cast(), size_of::<[u64; 2]>() as u32);
    }
}
