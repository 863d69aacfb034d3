//! Exit codes, and how a failure becomes one of them. They are documented in `tracer --help`.

#[cfg(feature = "live")]
mod live;

use std::{io::ErrorKind, process::ExitCode};

use thiserror::Error;

#[cfg(feature = "live")]
pub use live::NotRoot;

use crate::{expr::ExprError, filter::NeverHolds, recording::RecordingError, values::escape};

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

impl Exit {
    /// The code for a failure: by its first cause that has one.
    pub fn of(error: &anyhow::Error) -> Self {
        error
            .chain()
            .find_map(Self::of_cause)
            .unwrap_or(Self::Failure)
    }

    fn of_cause(cause: &(dyn std::error::Error + 'static)) -> Option<Self> {
        if cause.is::<Usage>() || cause.is::<NeverHolds>() || cause.is::<ExprError>() {
            return Some(Self::Usage);
        }
        if cause.is::<NotCalled>() {
            return Some(Self::Function);
        }
        if cause.is::<RecordingError>() {
            return Some(Self::Recording);
        }
        if cause.is::<Output>() {
            return Some(Self::Output);
        }
        #[cfg(feature = "live")]
        if let Some(exit) = live::of_cause(cause) {
            return Some(exit);
        }
        let error = cause.downcast_ref::<std::io::Error>()?;
        matches!(error.kind(), ErrorKind::StorageFull | ErrorKind::BrokenPipe)
            .then_some(Self::Output)
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

/// What was typed, with a mark under the place that is wrong, where that is known.
pub fn picture(error: &anyhow::Error) -> Option<String> {
    let expression = error.chain().find_map(expression)?;
    let lines = expression.picture();
    let lines: Vec<_> = lines.lines().map(escape::visible).collect();
    Some(lines.join("\n"))
}

fn expression<'a>(cause: &'a (dyn std::error::Error + 'static)) -> Option<&'a ExprError> {
    #[cfg(feature = "live")]
    if let Some(error) = live::expression(cause) {
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
        assert_eq!(Exit::of(&full), Exit::Output);
        assert_eq!(Exit::of(&anyhow::anyhow!("no idea")), Exit::Failure);
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
