//! A stack that is known: three functions that call each other and then the kernel, each with a
//! frame pointer, whatever the compiler does for the rest of the program.
//!
//! They are written in machine instructions for that, and have their names in the symbol table. The
//! outermost one says that nothing is around it (System V ABI for x86-64, 3.4.1: the frame pointer
//! is 0 there), so a walk by frame pointers finds these three and no other.

use std::{
    arch::naked_asm,
    fs::OpenOptions,
    os::fd::AsRawFd as _,
    sync::atomic::{AtomicBool, Ordering},
    thread,
};

use anyhow::{Context as _, Result, ensure};

use super::{Options, Summary};

/// Writes to /dev/null until the count is reached or `stop` is set.
pub(super) fn run(options: &Options, stop: &AtomicBool) -> Result<Summary> {
    let null = OpenOptions::new()
        .write(true)
        .open("/dev/null")
        .context("/dev/null cannot be written")?;
    let data = vec![0; options.size];
    let mut rounds = 0;
    while options.count.is_none_or(|count| rounds < count) && !stop.load(Ordering::Acquire) {
        // SAFETY: the descriptor is open, and the memory is as long as that.
        let written = unsafe { workload_outer(null.as_raw_fd().into(), data.as_ptr(), data.len()) };
        ensure!(
            written == options.size.cast_signed(),
            "a write to /dev/null fails"
        );
        rounds += 1;
        thread::sleep(options.interval);
    }
    Ok(Summary::Rounds(rounds))
}

/// Calls the next one with a frame pointer of 0: nothing is around it.
#[unsafe(naked)]
#[unsafe(no_mangle)]
unsafe extern "C" fn workload_outer(file: i64, data: *const u8, length: usize) -> isize {
    naked_asm!(
        "push rbp",
        "xor ebp, ebp",
        "call {}",
        "pop rbp",
        "ret",
        sym workload_middle
    )
}

/// Calls the next one.
#[unsafe(naked)]
#[unsafe(no_mangle)]
unsafe extern "C" fn workload_middle(file: i64, data: *const u8, length: usize) -> isize {
    naked_asm!(
        "push rbp",
        "mov rbp, rsp",
        "call {}",
        "pop rbp",
        "ret",
        sym workload_inner
    )
}

/// write(2).
#[unsafe(naked)]
#[unsafe(no_mangle)]
unsafe extern "C" fn workload_inner(file: i64, data: *const u8, length: usize) -> isize {
    naked_asm!(
        "push rbp",
        "mov rbp, rsp",
        "mov eax, {write}",
        "syscall",
        "pop rbp",
        "ret",
        write = const libc::SYS_write
    )
}
