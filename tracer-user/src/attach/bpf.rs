//! The few uses of bpf(2) that aya has no word for: programs whose attach type it does not know,
//! and links to many functions at once.

use std::{
    ffi::CStr,
    io,
    os::fd::{AsRawFd as _, BorrowedFd, OwnedFd},
};

use aya_obj::generated::{bpf_insn, bpf_prog_info};

use super::error::last_words;
use crate::kernel::syscall::{self, open};

/// `BPF_PROG_LOAD` and `BPF_LINK_CREATE`.
const PROG_LOAD: libc::c_long = 5;
const LINK_CREATE: libc::c_long = 28;
/// `BPF_RAW_TRACEPOINT_OPEN`, which also attaches a program to the function that it was loaded for.
const OPEN: libc::c_long = 17;

/// `BPF_F_KPROBE_MULTI_RETURN`.
const MULTI_RETURN: u32 = 1;

/// Bytes of the verifier's words that are kept. They are asked for only when a program was refused.
const LOG_BYTES: usize = 1 << 20;

/// Entry and exit of many functions by one program.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Many {
    /// By a trampoline each (BPF_TRACE_FSESSION_MULTI, 7.2+).
    Trampolines,
    /// By an fprobe (BPF_TRACE_KPROBE_SESSION, 6.10+).
    Fprobe,
}

/// One end of one function by a program of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// BPF_TRACE_FENTRY, 5.5+.
    Entry,
    /// BPF_TRACE_FEXIT, 5.5+.
    Exit,
}

/// A program for functions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ProgramKind {
    /// It serves many functions.
    Many(Many),
    /// It serves one end of many functions, by an fprobe (BPF_TRACE_KPROBE_MULTI, 5.18+).
    ManyOf(End),
    /// It serves one.
    One(End),
}

/// What kind of program, and to what it will be attached (`enum bpf_prog_type`, `enum
/// bpf_attach_type`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Functions(ProgramKind),
    /// BPF_TRACE_RAW_TP, 5.5+.
    Tracepoint,
    /// BPF_TRACE_ITER, 5.8+.
    Iterator,
}

/// The attach type of an iterator.
pub const ITERATOR: u32 = 28;

impl Kind {
    const TRAMPOLINES: Self = Self::Functions(ProgramKind::Many(Many::Trampolines));
    const FPROBE: Self = Self::Functions(ProgramKind::Many(Many::Fprobe));
    const FPROBE_OF_ENTRY: Self = Self::Functions(ProgramKind::ManyOf(End::Entry));
    const FPROBE_OF_EXIT: Self = Self::Functions(ProgramKind::ManyOf(End::Exit));

    const fn program_type(self) -> u32 {
        match self {
            Self::Functions(ProgramKind::Many(Many::Fprobe) | ProgramKind::ManyOf(_)) => 2,
            Self::Functions(_) | Self::Tracepoint | Self::Iterator => 26,
        }
    }

    const fn attach_type(self) -> u32 {
        match self {
            Self::Tracepoint => 23,
            Self::Iterator => ITERATOR,
            Self::Functions(ProgramKind::One(End::Entry)) => 24,
            Self::Functions(ProgramKind::One(End::Exit)) => 25,
            Self::Functions(ProgramKind::ManyOf(_)) => 42,
            Self::Functions(ProgramKind::Many(Many::Fprobe)) => 56,
            Self::Functions(ProgramKind::Many(Many::Trampolines)) => 61,
        }
    }
}

/// Why a program is not in the kernel.
#[derive(Debug)]
pub struct LoadError {
    /// The kernel's answer.
    pub error: io::Error,
    /// The verifier's words.
    pub log: String,
}

impl LoadError {
    /// In one line: the verifier's last words, or the error.
    pub fn reason(&self) -> String {
        log::debug!("the verifier: {}", self.log);
        last_words(&self.log).map_or_else(|| self.error.to_string(), str::to_owned)
    }
}

#[repr(C)]
#[derive(Default)]
struct LoadAttributes {
    program_type: u32,
    instruction_count: u32,
    instructions: u64,
    license: u64,
    log_level: u32,
    log_size: u32,
    log: u64,
    kernel_version: u32,
    flags: u32,
    name: [u8; 16],
    interface: u32,
    expected_attach_type: u32,
    types: u32,
    function_record_bytes: u32,
    functions: u64,
    function_count: u32,
    line_record_bytes: u32,
    lines: u64,
    line_count: u32,
    /// The function, by its type id.
    target: u32,
    /// A descriptor of what that is a type of; 0 is the kernel itself.
    target_object: u32,
    relocation_count: u32,
}

/// The function that a program of one end is for.
#[derive(Clone, Copy, Debug)]
pub struct Target<'a> {
    /// The BTF of a module, or a BPF program; none for a function of the kernel's own.
    pub object: Option<BorrowedFd<'a>>,
    /// Its type id there.
    pub type_id: u32,
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

/// Loads a program that serves any number of functions. `name` is what the kernel's listings will
/// show, of at most 15 bytes.
pub fn load(
    kind: ProgramKind,
    name: &str,
    instructions: &[bpf_insn],
) -> Result<OwnedFd, LoadError> {
    load_any(Kind::Functions(kind), name, instructions, None)
}

/// Loads a program that serves one function.
pub fn load_for(
    end: End,
    name: &str,
    instructions: &[bpf_insn],
    target: Target<'_>,
) -> Result<OwnedFd, LoadError> {
    let kind = Kind::Functions(ProgramKind::One(end));
    load_any(kind, name, instructions, Some(target))
}

/// Loads a program for a tracepoint, which is named by the type of what it calls: `btf_trace_` and
/// its name.
pub fn load_at_tracepoint(
    name: &str,
    instructions: &[bpf_insn],
    type_id: u32,
) -> Result<OwnedFd, LoadError> {
    let target = Target {
        object: None,
        type_id,
    };
    load_any(Kind::Tracepoint, name, instructions, Some(target))
}

/// Loads a program for an iterator, which is named by the type of the function `bpf_iter_*` of its
/// kind.
pub fn load_iterator(
    name: &str,
    instructions: &[bpf_insn],
    type_id: u32,
) -> Result<OwnedFd, LoadError> {
    let target = Target {
        object: None,
        type_id,
    };
    load_any(Kind::Iterator, name, instructions, Some(target))
}

fn load_any(
    kind: Kind,
    name: &str,
    instructions: &[bpf_insn],
    target: Option<Target<'_>>,
) -> Result<OwnedFd, LoadError> {
    let attempt = |log: &mut [u8]| {
        let license: &CStr = c"GPL";
        let mut attributes = LoadAttributes {
            program_type: kind.program_type(),
            instruction_count: u32::try_from(instructions.len()).unwrap_or(u32::MAX),
            instructions: instructions.as_ptr() as u64,
            license: license.as_ptr() as u64,
            expected_attach_type: kind.attach_type(),
            target: target.map_or(0, |target| target.type_id),
            target_object: target
                .and_then(|target| target.object)
                .map_or(0, |object| object.as_raw_fd().cast_unsigned()),
            ..LoadAttributes::default()
        };
        if !log.is_empty() {
            attributes.log_level = 1;
            attributes.log_size = u32::try_from(log.len()).unwrap_or(u32::MAX);
            attributes.log = log.as_mut_ptr() as u64;
        }
        for (to, from) in attributes.name[..15].iter_mut().zip(name.bytes()) {
            *to = from;
        }
        // SAFETY: all that the attributes point to outlives the call.
        unsafe { open(PROG_LOAD, &attributes) }
    };
    attempt(&mut []).or_else(|_| {
        let mut log = vec![0; LOG_BYTES];
        attempt(&mut log).map_err(|error| {
            let end = log.iter().position(|&byte| byte == 0);
            log.truncate(end.unwrap_or(log.len()));
            LoadError {
                error,
                log: String::from_utf8_lossy(&log).into_owned(),
            }
        })
    })
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

/// The ends of a function that a program is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ends {
    /// Entry and exit.
    Both,
    /// One of them.
    Only(End),
}

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
