//! Why there are no symbols.

use super::kallsyms::KALLSYMS;
use crate::exit_code::{Exit, HasExit};

/// Why there are no symbols.
#[derive(Debug, thiserror::Error)]
pub enum SymbolsError {
    /// The file cannot be read.
    #[error(
        "cannot read {KALLSYMS}: {0}; the kernel needs CONFIG_KALLSYMS and /proc must be mounted"
    )]
    Read(#[from] std::io::Error),
    /// Every address is zero, which is how the kernel hides them (kallsyms_show_value).
    #[error(
        "the kernel hides its addresses in {KALLSYMS}; run as root with CAP_SYSLOG, and if that is \
        so already, set kernel.kptr_restrict to 1"
    )]
    Hidden,
    /// A line is not what it should be.
    #[error("line {line} of {KALLSYMS} is not `address type name`; please report it with the line")]
    Malformed {
        /// Counted from 1.
        line: usize,
    },
    /// More than four GiB of text: not a list of symbols.
    #[error("{KALLSYMS} is larger than 4 GiB, which no kernel's symbol table is")]
    TooLarge,
}

impl HasExit for SymbolsError {
    /// The kernel hides its symbols from those who may not see them; what else is wrong with them
    /// is the kernel's.
    fn exit(&self) -> Option<Exit> {
        Some(match self {
            Self::Hidden => Exit::NotPermitted,
            Self::Read(error) if error.kind() == std::io::ErrorKind::PermissionDenied => {
                Exit::NotPermitted
            }
            Self::Read(_) | Self::Malformed { .. } | Self::TooLarge => Exit::Kernel,
        })
    }
}
