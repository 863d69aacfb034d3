//! How a failure becomes an exit code and a sentence.
//!
//! The code is that of the first cause that has one. A cause is asked by its type, which Rust's
//! errors do not tell of themselves, so the types stand in a list here; a new error goes into it,
//! and says its code where it is defined.

use std::error::Error as StdError;

use thiserror::Error;

pub use crate::exit_code::Exit;
#[cfg(feature = "live")]
use crate::{
    attach::{AttachError, ObjectError},
    kernel::{
        KernelError, NoSuchMechanism, btf::BtfError, switch::SwitchedOff, symbols::SymbolsError,
        trace_events::EventError,
    },
    plan::{FieldError, RootError},
    session::NotCounted,
};
use crate::{
    exit_code::HasExit,
    expr::ExprError,
    filter::{NeverHolds, NotRecorded},
    recording::{RecordingError, split::SplitError},
    values::escape,
};

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
#[cfg(feature = "live")]
#[derive(Debug, Error)]
#[error(
    "tracing needs root, or CAP_BPF and CAP_PERFMON with readable kernel addresses: run it with sudo"
)]
pub struct NotRoot;

impl HasExit for Usage {
    fn exit(&self) -> Option<Exit> {
        Some(Exit::Usage)
    }
}

impl HasExit for Output {
    fn exit(&self) -> Option<Exit> {
        Some(Exit::Output)
    }
}

impl HasExit for NotCalled {
    fn exit(&self) -> Option<Exit> {
        Some(Exit::Function)
    }
}

#[cfg(feature = "live")]
impl HasExit for NotRoot {
    fn exit(&self) -> Option<Exit> {
        Some(Exit::NotPermitted)
    }
}

/// The code of a cause that is of one of these types.
macro_rules! exit_of {
    ($cause:expr, $($error:ty),+ $(,)?) => {
        None$(.or_else(|| $cause.downcast_ref::<$error>().and_then(HasExit::exit)))+
    };
}

/// The code for a failure.
pub fn code(error: &anyhow::Error) -> Exit {
    error.chain().find_map(of_cause).unwrap_or(Exit::Failure)
}

fn of_cause(cause: &(dyn StdError + 'static)) -> Option<Exit> {
    let exit = exit_of!(
        cause,
        Usage,
        Output,
        NotCalled,
        NeverHolds,
        ExprError,
        NotRecorded,
        RecordingError,
        SplitError,
        std::io::Error,
    );
    #[cfg(feature = "live")]
    let exit = exit.or_else(|| {
        exit_of!(
            cause,
            NotRoot,
            RootError,
            FieldError,
            BtfError,
            NoSuchMechanism,
            EventError,
            SwitchedOff,
            SymbolsError,
            KernelError,
            ObjectError,
            AttachError,
            NotCounted,
        )
    });
    exit
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

/// What was typed, with a mark under the place that is wrong, where that is known.
pub fn picture(error: &anyhow::Error) -> Option<String> {
    let expression = error.chain().find_map(expression)?;
    let lines = expression.picture();
    let lines: Vec<_> = lines.lines().map(escape::visible).collect();
    Some(lines.join("\n"))
}

fn expression<'a>(cause: &'a (dyn std::error::Error + 'static)) -> Option<&'a ExprError> {
    #[cfg(feature = "live")]
    if let Some(FieldError::Expression(error)) = cause.downcast_ref() {
        return Some(error);
    }
    cause.downcast_ref()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_output_that_is_full_has_a_code() {
        let full = std::io::Error::from_raw_os_error(libc::ENOSPC);
        let full = anyhow::Error::from(full).context("the listing cannot be written");
        assert_eq!(code(&full), Exit::Output);
        assert_eq!(code(&anyhow::anyhow!("no idea")), Exit::Failure);
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

    #[cfg(feature = "live")]
    #[test]
    fn what_a_wrapper_stands_for_decides() {
        let hidden = anyhow::Error::from(KernelError::from(SymbolsError::Hidden));
        assert_eq!(code(&hidden), Exit::NotPermitted);
        for odd in [SymbolsError::Malformed { line: 7 }, SymbolsError::TooLarge] {
            let odd = anyhow::Error::from(KernelError::from(odd));
            assert_eq!(code(&odd), Exit::Kernel);
        }
        let odd = anyhow::Error::from(SymbolsError::TooLarge);
        assert_eq!(code(&odd), Exit::Kernel);
        let absent = anyhow::Error::from(KernelError::from(BtfError::Absent));
        assert_eq!(code(&absent), Exit::Kernel);
    }

    #[cfg(feature = "live")]
    #[test]
    fn a_shortage_is_neither_the_kernels_no_nor_a_functions() {
        for (error, exit) in [
            (AttachError::Files, Exit::Failure),
            (AttachError::Memory, Exit::Failure),
            (AttachError::NoJit, Exit::Kernel),
            (AttachError::Forbidden, Exit::NotPermitted),
        ] {
            assert_eq!(code(&error.into()), exit);
        }
    }
}
