//! What the kernel has counted of programs and links.

use std::{io, os::fd::BorrowedFd};

use aya_obj::generated::bpf_prog_info;

use super::syscall;

/// What the kernel knows of a program.
pub fn program_info(program: BorrowedFd<'_>) -> io::Result<bpf_prog_info> {
    // SAFETY: zero is a value of integers.
    let mut info: bpf_prog_info = unsafe { std::mem::zeroed() };
    // SAFETY: no pointer is set, and no count.
    unsafe { syscall::info(program, &mut info) }?;
    Ok(info)
}

/// The beginning of `struct bpf_link_info`, as it is for a link of fprobes.
#[repr(C)]
#[derive(Default)]
struct FprobeLinkInfo {
    kind: u32,
    id: u32,
    program: u32,
    reserved: u32,
    addresses: u64,
    count: u32,
    flags: u32,
    missed: u64,
}

/// How many hits the fprobes of a link were not there for (`nmissed`, kernel/trace/fprobe.c); 0
/// before 6.7, and where it is another kind of link.
pub fn missed_of_link(link: BorrowedFd<'_>) -> io::Result<u64> {
    /// `BPF_LINK_TYPE_KPROBE_MULTI`.
    const FPROBES: u32 = 8;
    let mut info = FprobeLinkInfo::default();
    // SAFETY: integers throughout; no pointer is set, and no count.
    unsafe { syscall::info(link, &mut info) }?;
    Ok(if info.kind == FPROBES { info.missed } else { 0 })
}
