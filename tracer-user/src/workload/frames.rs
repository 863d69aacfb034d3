//! A stack that is known: three functions that call each other and then the kernel, each with a
//! frame pointer, whatever the compiler does for the rest of the program.
//!
//! They are written in machine instructions for that, and have their names in the symbol table. The
//! outermost one says that nothing is around it (the frame pointer is 0 there: System V ABI for
//! x86-64, 3.4.1; AAPCS64, 6.4.6), so a walk by frame pointers finds these three and no other.

use std::{
    fs::OpenOptions,
    os::fd::AsRawFd as _,
    sync::atomic::{AtomicBool, Ordering},
    thread,
};

use anyhow::{Context as _, Result, ensure};

use here::workload_outer;

use super::{Summary, WorkloadOptions};

/// Writes to /dev/null until the count is reached or `stop` is set.
pub(super) fn run(options: &WorkloadOptions, stop: &AtomicBool) -> Result<Summary> {
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

/// A function that the symbol table has, made of these instructions alone.
macro_rules! function {
    ($(#[$what:meta])* $name:ident, $($instructions:tt)*) => {
        $(#[$what])*
        #[unsafe(naked)]
        #[unsafe(no_mangle)]
        pub unsafe extern "C" fn $name(file: i64, data: *const u8, length: usize) -> isize {
            naked_asm!($($instructions)*)
        }
    };
}

#[cfg(not(target_arch = "aarch64"))]
mod here {
    use std::arch::naked_asm;

    function!(
        /// Calls the next one with a frame pointer of 0: nothing is around it.
        workload_outer,
        "push rbp", "xor ebp, ebp", "call {}", "pop rbp", "ret", sym workload_middle
    );
    function!(
        /// Calls the next one.
        workload_middle,
        "push rbp", "mov rbp, rsp", "call {}", "pop rbp", "ret", sym workload_inner
    );
    function!(
        /// write(2).
        workload_inner,
        "push rbp", "mov rbp, rsp", "mov eax, {}", "syscall", "pop rbp", "ret",
        const libc::SYS_write
    );
}

#[cfg(target_arch = "aarch64")]
mod here {
    use std::arch::naked_asm;

    function!(
        /// Calls the next one with a frame pointer of 0: nothing is around it.
        workload_outer,
        "stp x29, x30, [sp, #-16]!", "mov x29, xzr", "bl {}", "ldp x29, x30, [sp], #16", "ret",
        sym workload_middle
    );
    function!(
        /// Calls the next one.
        workload_middle,
        "stp x29, x30, [sp, #-16]!", "mov x29, sp", "bl {}", "ldp x29, x30, [sp], #16", "ret",
        sym workload_inner
    );
    function!(
        /// write(2).
        workload_inner,
        "stp x29, x30, [sp, #-16]!", "mov x29, sp", "mov x8, {}", "svc #0",
        "ldp x29, x30, [sp], #16", "ret",
        const libc::SYS_write
    );
}
