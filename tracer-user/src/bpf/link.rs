//! Linking a program to one function or to many. Dropping the link's descriptor takes it away.

use std::{
    io,
    os::fd::{AsRawFd as _, BorrowedFd, OwnedFd},
};

use super::{End, Ends, kinds::Kind, syscall::open};

/// `BPF_LINK_CREATE`.
pub(super) const LINK_CREATE: libc::c_long = 28;
/// `BPF_RAW_TRACEPOINT_OPEN`, which also attaches a program to the function that it was loaded for.
const OPEN: libc::c_long = 17;

/// `BPF_F_KPROBE_MULTI_RETURN`.
const MULTI_RETURN: u32 = 1;

/// Functions as the kernel wants them named.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Functions {
    /// By type id.
    Types(Vec<u32>),
    /// By address, and which ends the program is for.
    Addresses(Vec<u64>, Ends),
}

impl Functions {
    const fn named(&self) -> Named {
        match self {
            Self::Types(_) => Named::Types,
            Self::Addresses(_, ends) => Named::Addresses(*ends),
        }
    }
}

/// How a link names its functions, and which of their ends it is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Named {
    /// By type id.
    Types,
    /// By address.
    Addresses(Ends),
}

/// The beginning that all links share, then what a multi link of trampolines has.
#[repr(C)]
struct TrampolinesLink {
    program: u32,
    target: u32,
    attach_type: u32,
    flags: u32,
    type_ids: u64,
    cookies: u64,
    count: u32,
    reserved: u32,
}

/// The beginning that all links share, then what a link of kprobes has.
#[repr(C)]
struct FprobeLink {
    program: u32,
    target: u32,
    attach_type: u32,
    flags: u32,
    multi_flags: u32,
    count: u32,
    symbols: u64,
    addresses: u64,
    cookies: u64,
}

/// Attaches a program to functions: by their type ids, which must be sorted and differ
/// ([`Many::Trampolines`]), or by their addresses ([`Many::Fprobe`]). All or none: one that does
/// not do fails the whole.
pub fn link(program: BorrowedFd<'_>, functions: &Functions) -> io::Result<OwnedFd> {
    link_with_cookies(program, functions, &[])
}

/// As [`link`], and each function's probe has the number in its place as its cookie
/// (bpf_get_attach_cookie), if there are any.
pub fn link_with_cookies(
    program: BorrowedFd<'_>,
    functions: &Functions,
    cookies: &[u64],
) -> io::Result<OwnedFd> {
    let (list, count) = match functions {
        Functions::Types(ids) => (ids.as_ptr() as u64, ids.len()),
        Functions::Addresses(addresses, _) => (addresses.as_ptr() as u64, addresses.len()),
    };
    let cookies = if cookies.is_empty() {
        0
    } else {
        cookies.as_ptr() as u64
    };
    // SAFETY: the lists outlive the call, and each has so many.
    unsafe { link_listed(program, functions.named(), (list, cookies), count) }
}

/// Whether the kernel has such links for the program. Nothing is attached: the list is one that the
/// kernel cannot read, which it says (EFAULT) after it has accepted all else
/// (bpf_kprobe_multi_link_attach, kernel/trace/bpf_trace.c). A real link would have to go again,
/// which waits for each running task to sleep once (synchronize_rcu_tasks in ftrace_shutdown): 13 s
/// on two CPUs with 27 busy tasks, seen on 6.12.
pub fn has_links(program: BorrowedFd<'_>, named: Named) -> bool {
    /// In the page at 0, which nobody has.
    const UNREADABLE: u64 = 8;
    // SAFETY: the kernel checks what it reads.
    let answer = unsafe { link_listed(program, named, (UNREADABLE, 0), 1) };
    answer.is_err_and(|error| error.raw_os_error() == Some(libc::EFAULT))
}

/// # Safety
/// `list` is the address of `count` ids or addresses, or of nothing that can be read; `cookies`
/// that of as many numbers, or 0.
unsafe fn link_listed(
    program: BorrowedFd<'_>,
    named: Named,
    (list, cookies): (u64, u64),
    count: usize,
) -> io::Result<OwnedFd> {
    let program = program.as_raw_fd().cast_unsigned();
    let count = u32::try_from(count).unwrap_or(u32::MAX);
    let (kind, multi_flags) = match named {
        Named::Types => {
            let attributes = TrampolinesLink {
                program,
                target: 0,
                attach_type: Kind::TRAMPOLINES.attach_type(),
                flags: 0,
                type_ids: list,
                cookies,
                count,
                reserved: 0,
            };
            // SAFETY: the caller's word.
            return unsafe { open(LINK_CREATE, &attributes) };
        }
        Named::Addresses(Ends::Both) => (Kind::FPROBE, 0),
        Named::Addresses(Ends::Only(End::Entry)) => (Kind::FPROBE_OF_ENTRY, 0),
        Named::Addresses(Ends::Only(End::Exit)) => (Kind::FPROBE_OF_EXIT, MULTI_RETURN),
    };
    let attributes = FprobeLink {
        program,
        target: 0,
        attach_type: kind.attach_type(),
        flags: 0,
        multi_flags,
        count,
        symbols: 0,
        addresses: list,
        cookies,
    };
    // SAFETY: the caller's word.
    unsafe { open(LINK_CREATE, &attributes) }
}

#[repr(C)]
struct OpenAttributes {
    name: u64,
    program: u32,
    reserved: u32,
}

/// Attaches a program to the function or the tracepoint that it was loaded for.
pub fn link_target(program: BorrowedFd<'_>) -> io::Result<OwnedFd> {
    let attributes = OpenAttributes {
        name: 0,
        program: program.as_raw_fd().cast_unsigned(),
        reserved: 0,
    };
    // SAFETY: the attributes point to nothing.
    unsafe { open(OPEN, &attributes) }
}
