//! The few uses of bpf(2) that aya has no word for: programs whose attach type it does not know, and links to many functions at once.

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

/// What kind of program, and to what it will be attached (`enum bpf_prog_type`, `enum bpf_attach_type`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Functions(ProgramKind),
    /// BPF_TRACE_RAW_TP, 5.5+.
    Tracepoint,
}

impl Kind {
    const TRAMPOLINES: Self = Self::Functions(ProgramKind::Many(Many::Trampolines));
    const FPROBE: Self = Self::Functions(ProgramKind::Many(Many::Fprobe));
    const FPROBE_OF_ENTRY: Self = Self::Functions(ProgramKind::ManyOf(End::Entry));
    const FPROBE_OF_EXIT: Self = Self::Functions(ProgramKind::ManyOf(End::Exit));

    const fn program_type(self) -> u32 {
        match self {
            Self::Functions(ProgramKind::Many(Many::Fprobe) | ProgramKind::ManyOf(_)) => 2,
            Self::Functions(_) | Self::Tracepoint => 26,
        }
    }

    const fn attach_type(self) -> u32 {
        match self {
            Self::Tracepoint => 23,
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

/// Loads a program that serves any number of functions. `name` is what the kernel's listings will show, of at most 15 bytes.
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

/// Loads a program for a tracepoint, which is named by the type of what it calls: `btf_trace_` and its name.
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

/// Attaches a program to functions: by their type ids, which must be sorted and differ ([`Many::Trampolines`]), or by their
/// addresses ([`Many::Fprobe`]). All or none: one that does not do fails the whole.
pub fn link(program: BorrowedFd<'_>, functions: &Functions) -> io::Result<OwnedFd> {
    link_with_cookies(program, functions, &[])
}

/// As [`link`], and each function's probe has the number in its place as its cookie (bpf_get_attach_cookie), if there are any.
pub fn link_with_cookies(
    program: BorrowedFd<'_>,
    functions: &Functions,
    cookies: &[u64],
) -> io::Result<OwnedFd> {
    let cookies = if cookies.is_empty() {
        0
    } else {
        cookies.as_ptr() as u64
    };
    let program = program.as_raw_fd().cast_unsigned();
    match functions {
        Functions::Types(ids) => {
            let attributes = TrampolinesLink {
                program,
                target: 0,
                attach_type: Kind::TRAMPOLINES.attach_type(),
                flags: 0,
                type_ids: ids.as_ptr() as u64,
                cookies,
                count: u32::try_from(ids.len()).unwrap_or(u32::MAX),
                reserved: 0,
            };
            // SAFETY: the ids and the cookies outlive the call.
            unsafe { open(LINK_CREATE, &attributes) }
        }
        Functions::Addresses(addresses, ends) => {
            let (kind, multi_flags) = match ends {
                Ends::Both => (Kind::FPROBE, 0),
                Ends::Only(End::Entry) => (Kind::FPROBE_OF_ENTRY, 0),
                Ends::Only(End::Exit) => (Kind::FPROBE_OF_EXIT, MULTI_RETURN),
            };
            let attributes = FprobeLink {
                program,
                target: 0,
                attach_type: kind.attach_type(),
                flags: 0,
                multi_flags,
                count: u32::try_from(addresses.len()).unwrap_or(u32::MAX),
                symbols: 0,
                addresses: addresses.as_ptr() as u64,
                cookies,
            };
            // SAFETY: the addresses and the cookies outlive the call.
            unsafe { open(LINK_CREATE, &attributes) }
        }
    }
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
