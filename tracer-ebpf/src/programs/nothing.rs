//! Programs that do nothing: what the kernel's own part of a probe costs is measured with them
//! (`cargo xtask bench`).

use aya_ebpf::{
    macros::{fentry, fexit, kprobe},
    programs::{FEntryContext, FExitContext, ProbeContext},
};

/// At an entry.
#[fentry]
pub fn nothing_entry(_ctx: FEntryContext) -> i32 {
    0
}

/// At an exit.
#[fexit]
pub fn nothing_exit(_ctx: FExitContext) -> i32 {
    0
}

/// At both ends, by trampolines.
#[fentry]
pub fn nothing_session(_ctx: FEntryContext) -> i32 {
    0
}

/// At both ends, by an fprobe; 0 asks for the exit.
#[kprobe]
pub fn nothing_probe(_ctx: ProbeContext) -> u32 {
    0
}
