//! The few uses of bpf(2) that aya has no word for: programs whose attach type it does not know, and links to many functions at once.
//!
//! Each call gives the kernel the first part of its `union bpf_attr` (include/uapi/linux/bpf.h): what lies behind the given size counts as zero.

use std::{
    ffi::CStr,
    io,
    mem::MaybeUninit,
    os::fd::{AsRawFd as _, BorrowedFd, FromRawFd as _, OwnedFd},
};

use aya_obj::generated::{bpf_insn, bpf_prog_info};

/// `BPF_PROG_LOAD` and `BPF_LINK_CREATE`.
const PROG_LOAD: libc::c_long = 5;
const LINK_CREATE: libc::c_long = 28;
/// `BPF_OBJ_GET_INFO_BY_FD`.
const GET_INFO: libc::c_long = 15;

/// Bytes of the verifier's words that are kept. They are asked for only when a program was refused.
const LOG_BYTES: usize = 1 << 20;

/// What kind of program, and to what it will be attached (`enum bpf_prog_type`, `enum bpf_attach_type`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ProgramKind {
    /// Entry and exit of many functions, by a trampoline each (BPF_TRACE_FSESSION_MULTI, 7.2+).
    Trampolines,
    /// Entry and exit of many functions, by an fprobe (BPF_TRACE_KPROBE_SESSION, 6.10+).
    Fprobe,
}

impl ProgramKind {
    const fn program_type(self) -> u32 {
        match self {
            Self::Trampolines => 26,
            Self::Fprobe => 2,
        }
    }

    const fn attach_type(self) -> u32 {
        match self {
            Self::Fprobe => 56,
            Self::Trampolines => 61,
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

/// Loads a program. `name` is what the kernel's listings will show, of at most 15 bytes.
pub fn load(
    kind: ProgramKind,
    name: &str,
    instructions: &[bpf_insn],
) -> Result<OwnedFd, LoadError> {
    let attempt = |log: &mut [u8]| {
        let license: &CStr = c"GPL";
        let mut attributes = LoadAttributes {
            program_type: kind.program_type(),
            instruction_count: u32::try_from(instructions.len()).unwrap_or(u32::MAX),
            instructions: instructions.as_ptr() as u64,
            license: license.as_ptr() as u64,
            expected_attach_type: kind.attach_type(),
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
        unsafe { bpf(PROG_LOAD, &attributes) }
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

/// Attaches a program to functions: by their type ids, which must be sorted and differ ([`ProgramKind::Trampolines`]), or by their
/// addresses ([`ProgramKind::Fprobe`]). All or none: one that does not do fails the whole.
pub fn link(program: BorrowedFd<'_>, functions: &Functions) -> io::Result<OwnedFd> {
    let program = program.as_raw_fd().cast_unsigned();
    match functions {
        Functions::Types(ids) => {
            let attributes = TrampolinesLink {
                program,
                target: 0,
                attach_type: ProgramKind::Trampolines.attach_type(),
                flags: 0,
                type_ids: ids.as_ptr() as u64,
                cookies: 0,
                count: u32::try_from(ids.len()).unwrap_or(u32::MAX),
                reserved: 0,
            };
            // SAFETY: the ids outlive the call.
            unsafe { bpf(LINK_CREATE, &attributes) }
        }
        Functions::Addresses(addresses) => {
            let attributes = FprobeLink {
                program,
                target: 0,
                attach_type: ProgramKind::Fprobe.attach_type(),
                flags: 0,
                multi_flags: 0,
                count: u32::try_from(addresses.len()).unwrap_or(u32::MAX),
                symbols: 0,
                addresses: addresses.as_ptr() as u64,
                cookies: 0,
            };
            // SAFETY: the addresses outlive the call.
            unsafe { bpf(LINK_CREATE, &attributes) }
        }
    }
}

/// Functions as the kernel wants them named.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Functions {
    /// By type id.
    Types(Vec<u32>),
    /// By address.
    Addresses(Vec<u64>),
}

#[repr(C)]
struct InfoAttributes {
    descriptor: u32,
    bytes: u32,
    info: u64,
}

/// What the kernel knows of a program.
pub fn program_info(program: BorrowedFd<'_>) -> io::Result<bpf_prog_info> {
    let mut info = MaybeUninit::<bpf_prog_info>::zeroed();
    let attributes = InfoAttributes {
        descriptor: program.as_raw_fd().cast_unsigned(),
        bytes: u32::try_from(size_of::<bpf_prog_info>()).unwrap_or_default(),
        info: info.as_mut_ptr() as u64,
    };
    // SAFETY: there is room for as many bytes as the attributes say, and the answer is no descriptor.
    unsafe { answer(GET_INFO, &attributes) }?;
    // SAFETY: integers, all of them initialized.
    Ok(unsafe { info.assume_init() })
}

/// # Safety
/// As [`answer`], and `command` answers with a new descriptor.
unsafe fn bpf<T>(command: libc::c_long, attributes: &T) -> io::Result<OwnedFd> {
    // SAFETY: the caller's promise.
    let descriptor = unsafe { answer(command, attributes) }?;
    // SAFETY: the kernel has just opened it for us.
    Ok(unsafe { OwnedFd::from_raw_fd(descriptor) })
}

/// # Safety
/// `attributes` is the beginning of what `command` expects, and what it points to is there.
unsafe fn answer<T>(command: libc::c_long, attributes: &T) -> io::Result<i32> {
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
