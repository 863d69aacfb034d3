//! What of a live trace ends how.

use std::io::ErrorKind;

use thiserror::Error;

use super::Exit;
use crate::{
    attach::{AttachError, ObjectError},
    kernel::{
        KernelError, NoSuchMechanism, btf::BtfError, switch::SwitchedOff, symbols::SymbolsError,
        trace_events::EventError,
    },
    plan::RootError,
};

/// The process lacks the privilege to trace.
#[derive(Debug, Error)]
#[error(
    "tracing needs root, or CAP_BPF and CAP_PERFMON with readable kernel addresses: run it with sudo"
)]
pub struct NotRoot;

/// The code for a cause, if it has one.
pub fn of_cause(cause: &(dyn std::error::Error + 'static)) -> Option<Exit> {
    if cause.is::<NotRoot>() {
        return Some(Exit::NotPermitted);
    }
    if cause.is::<RootError>() {
        return Some(Exit::Function);
    }
    if let Some(error) = cause.downcast_ref::<EventError>() {
        return Some(match error {
            EventError::Tracefs(_) => Exit::Kernel,
            EventError::Unknown { .. } | EventError::NoMatch(_) => Exit::Function,
        });
    }
    if cause.is::<BtfError>() || cause.is::<NoSuchMechanism>() || cause.is::<SwitchedOff>() {
        return Some(Exit::Kernel);
    }
    if let Some(error) = cause.downcast_ref::<SymbolsError>() {
        return Some(error.into());
    }
    // It stands for what it wraps, which is therefore not in the chain.
    if let Some(error) = cause.downcast_ref::<KernelError>() {
        return Some(match error {
            KernelError::Symbols(error) => error.into(),
            _ => Exit::Kernel,
        });
    }
    if let Some(error) = cause.downcast_ref::<ObjectError>() {
        return Some(match error {
            ObjectError::Forbidden | ObjectError::NoPrivilege => Exit::NotPermitted,
            _ => Exit::Kernel,
        });
    }
    let error = cause.downcast_ref::<AttachError>()?;
    Some(match error {
        AttachError::Forbidden => Exit::NotPermitted,
        AttachError::Function { .. } | AttachError::Event { .. } => Exit::Function,
        AttachError::Program { .. } | AttachError::NoJit => Exit::Kernel,
        AttachError::Files
        | AttachError::Memory
        | AttachError::Missing(_)
        | AttachError::Object(_) => Exit::Failure,
    })
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
}
