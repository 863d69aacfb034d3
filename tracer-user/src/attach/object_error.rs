//! Why the eBPF object is not in the kernel.

use std::io;

use aya::{EbpfError, maps::MapError};
use thiserror::Error;
use tracer_common::MAX_CPUS;

use crate::{
    bpf::instructions::InstructionsError,
    exit_code::{Exit, HasExit},
};

/// Why the object is not in the kernel.
#[derive(Debug, Error)]
pub enum ObjectError {
    /// The kernel answers EPERM though the process has the capabilities.
    #[error(
        "the kernel refuses BPF tracing programs (EPERM) although the capabilities are there: \
        lockdown or a \
         security policy forbids them; boot without lockdown, or trace in a virtual machine"
    )]
    Forbidden,
    /// The process lacks capabilities.
    #[error("BPF tracing programs need CAP_BPF and CAP_PERFMON: run as root")]
    NoPrivilege,
    /// More CPUs than the eBPF side has room for.
    #[error("this machine may have {0} CPUs, and tracer has room for {MAX_CPUS}; please report it")]
    TooManyCpus(u32),
    /// Something is missing in the object.
    #[error("the eBPF object has no {0}: build it with `cargo xtask build`")]
    Missing(&'static str),
    /// The object did not load.
    #[error("the eBPF object does not load")]
    Load(#[from] EbpfError),
    /// A program did not load or attach.
    #[error("the tracepoint {0} cannot be used: {1}")]
    Tracepoint(&'static str, String),
    /// The ring of a CPU could not be made.
    #[error(
        "{cpus} rings of {kib} KiB cannot be made: give a smaller size, such as --buffer-size 4M"
    )]
    Ring {
        /// One for each.
        cpus: u32,
        /// What was asked for.
        kib: u32,
        /// What the kernel said.
        source: MapError,
    },
    /// A map could not be made.
    #[error("a map cannot be made")]
    Map(#[from] MapError),
}

impl ObjectError {
    /// What aya's error means.
    pub(super) fn of_load(error: EbpfError) -> Self {
        let mut source: Option<&dyn std::error::Error> = Some(&error);
        while let Some(one) = source {
            if let Some(io) = one.downcast_ref::<io::Error>()
                && is_forbidden(io)
            {
                return Self::NoPrivilege;
            }
            source = one.source();
        }
        Self::Load(error)
    }
}

impl HasExit for ObjectError {
    fn exit(&self) -> Option<Exit> {
        Some(match self {
            Self::Forbidden | Self::NoPrivilege => Exit::NotPermitted,
            _ => Exit::Kernel,
        })
    }
}

impl From<InstructionsError> for ObjectError {
    fn from(error: InstructionsError) -> Self {
        match error {
            InstructionsError::Object(error) => Self::Load(error),
            InstructionsError::Missing(program) => Self::Missing(program),
        }
    }
}

/// Whether the kernel's answer is EPERM. Lockdown refuses tracing programs when they are loaded
/// (security_locked_down(LOCKDOWN_BPF_READ_KERNEL) in the helpers' prototypes,
/// kernel/trace/bpf_trace.c).
pub(super) fn is_forbidden(error: &io::Error) -> bool {
    error.raw_os_error() == Some(libc::EPERM)
}
