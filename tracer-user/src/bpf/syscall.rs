//! bpf(2) itself.
//!
//! Each call gives the kernel the first part of its `union bpf_attr` (include/uapi/linux/bpf.h):
//! what lies after the given size counts as zero. Some commands answer in it. The kernel knows
//! nothing of shared references, so a field that it writes is a [`Cell`]: through any other one a
//! shared reference promises that nothing changes.

use std::{
    cell::Cell,
    io,
    os::fd::{AsRawFd as _, BorrowedFd, FromRawFd as _, OwnedFd},
};

/// `BPF_OBJ_GET_INFO_BY_FD`.
const GET_INFO: libc::c_long = 15;

#[repr(C)]
struct InfoAttributes {
    descriptor: u32,
    /// The kernel writes here how many bytes it has filled in (bpf_prog_get_info_by_fd,
    /// kernel/bpf/syscall.c).
    bytes: Cell<u32>,
    info: u64,
}

/// Has the kernel fill in what it knows of an object.
///
/// # Safety
/// `T` is the object's `struct bpf_*_info`, integers throughout, and each pointer in it has as much
/// room as the count beside it says.
pub unsafe fn info<T>(object: BorrowedFd<'_>, info: &mut T) -> io::Result<()> {
    let attributes = InfoAttributes {
        descriptor: object.as_raw_fd().cast_unsigned(),
        bytes: Cell::new(u32::try_from(size_of::<T>()).unwrap_or_default()),
        info: std::ptr::from_mut(info) as u64,
    };
    // SAFETY: there is room for as many bytes as the attributes say, and what the kernel writes of
    // them is a cell; the rest is the caller's promise.
    unsafe { answer(GET_INFO, &attributes) }.map(drop)
}

/// A call that answers with a new descriptor.
///
/// # Safety
/// As [`answer`].
pub unsafe fn open<T>(command: libc::c_long, attributes: &T) -> io::Result<OwnedFd> {
    // SAFETY: the caller's promise.
    let descriptor = unsafe { answer(command, attributes) }?;
    // SAFETY: the kernel has just opened it for us.
    Ok(unsafe { OwnedFd::from_raw_fd(descriptor) })
}

/// Any call.
///
/// # Safety
/// `attributes` is the beginning of what `command` expects, what it points to is there, and each
/// field that the kernel writes for this command is a [`Cell`].
pub unsafe fn answer<T>(command: libc::c_long, attributes: &T) -> io::Result<i32> {
    // SAFETY: the caller's promise; the size is the attributes' own.
    let answer = unsafe {
        libc::syscall(
            libc::SYS_bpf,
            command,
            std::ptr::from_ref(attributes),
            size_of::<T>(),
        )
    };
    match i32::try_from(answer) {
        Ok(answer) if answer >= 0 => Ok(answer),
        _ => Err(io::Error::last_os_error()),
    }
}
