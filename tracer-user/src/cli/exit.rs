//! Exit codes, and how a failure becomes one of them. They are documented in `tracer --help`.

use std::{io::ErrorKind, process::ExitCode};

use thiserror::Error;

use crate::{
    attach::{AttachError, ObjectError},
    filter::NeverHolds,
    kernel::{KernelError, NoSuchWay, btf::BtfError, switch::SwitchedOff, symbols::SymbolsError},
    plan::RootError,
    recording::RecordingError,
    values::escape,
};

/// How the process ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exit {
    /// Done as asked.
    Success,
    /// Failed for another reason.
    Failure,
    /// The command line is wrong (clap's own code).
    Usage,
    /// Not permitted: not root, lockdown, or a policy.
    NotPermitted,
    /// The kernel lacks something.
    Kernel,
    /// No such function, or it cannot be traced.
    Function,
    /// The output cannot be written.
    Output,
    /// A recording cannot be read, or only in part.
    Recording,
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(match exit {
            Exit::Success => 0u8,
            Exit::Failure => 1,
            Exit::Usage => 2,
            Exit::NotPermitted => 3,
            Exit::Kernel => 4,
            Exit::Function => 5,
            Exit::Output => 6,
            Exit::Recording => 7,
        })
    }
}

/// The command line asks for something that cannot be.
#[derive(Debug, Error)]
#[error("{0}")]
pub struct Usage(pub String);

/// The output cannot be opened.
#[derive(Debug, Error)]
#[error("{0}")]
pub struct Output(pub String);

/// A recording has no call of a function.
#[derive(Debug, Error)]
#[error("the recording has no call of `{0}`; `tracer report` lists the functions that it has")]
pub struct NotCalled(pub String);

/// The process lacks the privilege to trace.
#[derive(Debug, Error)]
#[error(
    "tracing needs root, or CAP_BPF and CAP_PERFMON with readable kernel addresses: run it with sudo"
)]
pub struct NotRoot;

impl Exit {
    /// The code for a failure: by its first cause that has one.
    pub fn of(error: &anyhow::Error) -> Self {
        error
            .chain()
            .find_map(Self::of_cause)
            .unwrap_or(Self::Failure)
    }

    fn of_cause(cause: &(dyn std::error::Error + 'static)) -> Option<Self> {
        if cause.is::<Usage>() || cause.is::<NeverHolds>() {
            return Some(Self::Usage);
        }
        if cause.is::<NotRoot>() {
            return Some(Self::NotPermitted);
        }
        if let Some(error) = cause.downcast_ref::<SymbolsError>() {
            return Some(error.into());
        }
        if cause.is::<RootError>() || cause.is::<NotCalled>() {
            return Some(Self::Function);
        }
        if cause.is::<BtfError>() || cause.is::<NoSuchWay>() || cause.is::<SwitchedOff>() {
            return Some(Self::Kernel);
        }
        // It stands for what it wraps, which is therefore not in the chain.
        if let Some(error) = cause.downcast_ref::<KernelError>() {
            return Some(match error {
                KernelError::Symbols(error) => error.into(),
                _ => Self::Kernel,
            });
        }
        if cause.is::<RecordingError>() {
            return Some(Self::Recording);
        }
        if cause.is::<Output>() {
            return Some(Self::Output);
        }
        if let Some(error) = cause.downcast_ref::<ObjectError>() {
            return Some(match error {
                ObjectError::Forbidden | ObjectError::NoPrivilege => Self::NotPermitted,
                _ => Self::Kernel,
            });
        }
        if let Some(error) = cause.downcast_ref::<AttachError>() {
            return Some(match error {
                AttachError::Forbidden => Self::NotPermitted,
                AttachError::Function { .. } => Self::Function,
                AttachError::Program { .. } | AttachError::NoJit => Self::Kernel,
                AttachError::Files
                | AttachError::Memory
                | AttachError::Missing(_)
                | AttachError::Object(_) => Self::Failure,
            });
        }
        let error = cause.downcast_ref::<std::io::Error>()?;
        matches!(error.kind(), ErrorKind::StorageFull | ErrorKind::BrokenPipe)
            .then_some(Self::Output)
    }
}

impl From<&SymbolsError> for Exit {
    /// The kernel hides its symbols from those who may not see them; what else is wrong with them
    /// is the kernel's.
    fn from(error: &SymbolsError) -> Self {
        match error {
            SymbolsError::Hidden => Self::NotPermitted,
            SymbolsError::Read(error) if error.kind() == ErrorKind::PermissionDenied => {
                Self::NotPermitted
            }
            SymbolsError::Read(_) | SymbolsError::Malformed { .. } | SymbolsError::TooLarge => {
                Self::Kernel
            }
        }
    }
}

/// The failure in one sentence: its causes, each said once and in one line.
pub fn sentence(error: &anyhow::Error) -> String {
    let mut parts: Vec<String> = Vec::new();
    for cause in error.chain() {
        let text = cause.to_string();
        // What a verifier has to say fills pages; the error before it names the line that matters.
        let line = text.lines().next().unwrap_or_default();
        let line = line.split(" Verifier output:").next().unwrap_or_default();
        let line = line.trim_end_matches(['.', ' ']);
        if !line.is_empty() && !parts.iter().any(|part| part.contains(line)) {
            parts.push(line.to_owned());
        }
    }
    // Parts of it may be from a recording.
    escape::visible(&parts.join(": ")).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_wrapper_stands_for_decides() {
        let hidden = anyhow::Error::from(KernelError::from(SymbolsError::Hidden));
        assert_eq!(Exit::of(&hidden), Exit::NotPermitted);
        for odd in [SymbolsError::Malformed { line: 7 }, SymbolsError::TooLarge] {
            let odd = anyhow::Error::from(KernelError::from(odd));
            assert_eq!(Exit::of(&odd), Exit::Kernel);
        }
        let odd = anyhow::Error::from(SymbolsError::TooLarge);
        assert_eq!(Exit::of(&odd), Exit::Kernel);
        let absent = anyhow::Error::from(KernelError::from(BtfError::Absent));
        assert_eq!(Exit::of(&absent), Exit::Kernel);
        let full = std::io::Error::from_raw_os_error(libc::ENOSPC);
        let full = anyhow::Error::from(full).context("the listing cannot be written");
        assert_eq!(Exit::of(&full), Exit::Output);
        assert_eq!(Exit::of(&anyhow::anyhow!("no idea")), Exit::Failure);
    }

    #[test]
    fn a_shortage_is_neither_the_kernels_no_nor_a_functions() {
        for (error, exit) in [
            (AttachError::Files, Exit::Failure),
            (AttachError::Memory, Exit::Failure),
            (AttachError::NoJit, Exit::Kernel),
            (AttachError::Forbidden, Exit::NotPermitted),
        ] {
            assert_eq!(Exit::of(&error.into()), exit);
        }
    }

    #[test]
    fn what_a_recording_says_is_escaped() {
        let error = anyhow::anyhow!("no function `\x1b[2J\u{202e}`");
        assert_eq!(sentence(&error), r"no function `\x1b[2J\u{202e}`");
    }

    #[test]
    fn a_failure_is_one_line_that_says_everything_once() {
        let log = "the syscall returned EINVAL. Verifier output: 0: R1=ctx()\n1: (85) call\n";
        let error = anyhow::anyhow!(log.to_owned())
            .context("EINVAL")
            .context("no probe: EINVAL");
        assert_eq!(
            sentence(&error),
            "no probe: EINVAL: the syscall returned EINVAL"
        );
    }
}
