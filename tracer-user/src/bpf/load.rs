//! Loading a program. The verifier's words are asked for only when it was refused.

use std::{
    ffi::CStr,
    io,
    os::fd::{AsRawFd as _, BorrowedFd, OwnedFd},
};

use aya_obj::generated::bpf_insn;

use super::{End, FunctionTypes, ProgramKind, kinds::Kind, run_time, syscall::open};

/// `BPF_PROG_LOAD`.
const PROG_LOAD: libc::c_long = 5;

/// Bytes of the verifier's words that are kept.
const LOG_BYTES: usize = 1 << 20;

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

impl Target<'_> {
    /// Among the kernel's own types.
    pub const fn of_kernel(type_id: u32) -> Self {
        Self {
            object: None,
            type_id,
        }
    }
}

/// What a program is made of.
pub struct Code {
    /// Its instructions.
    pub instructions: Vec<bpf_insn>,
    /// The types of its functions; none if it does without.
    pub functions: Option<FunctionTypes>,
}

/// Instructions, and the types of the functions among them.
type Parts<'a> = (&'a [bpf_insn], Option<&'a FunctionTypes>);

impl Code {
    fn parts(&self) -> Parts<'_> {
        (&self.instructions, self.functions.as_ref())
    }
}

impl From<Vec<bpf_insn>> for Code {
    fn from(instructions: Vec<bpf_insn>) -> Self {
        Self {
            instructions,
            functions: None,
        }
    }
}

/// Loads a program that serves any number of functions. `name` is what the kernel's listings will
/// show, of at most 15 bytes.
pub fn load(kind: ProgramKind, name: &str, code: &Code) -> Result<OwnedFd, LoadError> {
    load_any(Kind::Functions(kind), name, code.parts(), None)
}

/// Loads a program that serves one function.
pub fn load_for(
    end: End,
    name: &str,
    code: &Code,
    target: Target<'_>,
) -> Result<OwnedFd, LoadError> {
    let kind = Kind::Functions(ProgramKind::One(end));
    load_any(kind, name, code.parts(), Some(target))
}

/// Loads a program for a tracepoint, which is named by the type of what it calls: `btf_trace_` and
/// its name.
pub fn load_at_tracepoint(
    name: &str,
    instructions: &[bpf_insn],
    type_id: u32,
) -> Result<OwnedFd, LoadError> {
    load_any(
        Kind::Tracepoint,
        name,
        (instructions, None),
        Some(Target::of_kernel(type_id)),
    )
}

/// Loads a program for any number of perf's events.
pub fn load_for_perf(name: &str, instructions: &[bpf_insn]) -> Result<OwnedFd, LoadError> {
    load_any(Kind::Perf, name, (instructions, None), None)
}

/// Loads a program for an iterator, which is named by the type of the function `bpf_iter_*` of its
/// kind.
pub fn load_iterator(
    name: &str,
    instructions: &[bpf_insn],
    type_id: u32,
) -> Result<OwnedFd, LoadError> {
    load_any(
        Kind::Iterator,
        name,
        (instructions, None),
        Some(Target::of_kernel(type_id)),
    )
}

fn load_any(
    kind: Kind,
    name: &str,
    (instructions, functions): Parts<'_>,
    target: Option<Target<'_>>,
) -> Result<OwnedFd, LoadError> {
    let functions = functions.map(FunctionTypes::attributes);
    let (types, function_record_bytes, functions, function_count) = functions.unwrap_or_default();
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
            types,
            function_record_bytes,
            functions,
            function_count,
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
    let loaded = attempt(&mut []).or_else(|_| {
        let mut log = vec![0; LOG_BYTES];
        attempt(&mut log).map_err(|error| {
            let end = log.iter().position(|&byte| byte == 0);
            log.truncate(end.unwrap_or(log.len()));
            LoadError {
                error,
                log: String::from_utf8_lossy(&log).into_owned(),
            }
        })
    });
    if let Ok(program) = &loaded {
        run_time::note(program);
    }
    loaded
}

/// The reason in what the verifier says: the last line that is not about its own work, nor after
/// it an explanation (7.3 gives one).
fn last_words(log: &str) -> Option<&str> {
    let (said, _explanation) = log.split_once("\nReason:").unwrap_or((log, ""));
    said.lines()
        .map(str::trim)
        .rfind(|line| !line.is_empty() && !is_statistics(line))
}

/// What the verifier adds after its reason (print_verification_stats, kernel/bpf/verifier.c).
fn is_statistics(line: &str) -> bool {
    [
        "processed ",
        "verification time ",
        "stack depth ",
        "subprog ",
    ]
    .iter()
    .any(|beginning| line.starts_with(beginning))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_reason_stands_before_the_statistics() {
        let explained = "R6 pointer arithmetic with >>= operator prohibited\n\nReason:\n  It is a pointer.\n\nprocessed 3 insns\n";
        assert_eq!(
            last_words(explained),
            Some("R6 pointer arithmetic with >>= operator prohibited")
        );
        let log = "0: R1=ctx()\nmath between ctx pointer and register\n\nprocessed 3 insns (limit 1000000)\nsubprog 0 stack 8\n";
        assert_eq!(
            last_words(log),
            Some("math between ctx pointer and register")
        );
        assert_eq!(last_words("\nprocessed 0 insns\n"), None);
    }
}
