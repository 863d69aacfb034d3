//! The processors that tracer is built for and that guests have.
//!
//! All that differs between them where things are installed, built and booted is asked of [`Arch`].
//! What a kernel for the one cannot run on the other is emulated, so a host serves both.

use clap::{Args, ValueEnum};
use serde::Deserialize;

/// A processor, by Debian's name for it.
#[derive(Clone, Copy, Debug, Default, Deserialize, PartialEq, Eq, ValueEnum)]
#[serde(rename_all = "lowercase")]
pub enum Arch {
    /// x86-64.
    #[cfg_attr(not(target_arch = "aarch64"), default)]
    #[value(alias = "x86_64")]
    Amd64,
    /// AArch64.
    #[cfg_attr(target_arch = "aarch64", default)]
    #[value(alias = "aarch64")]
    Arm64,
}

/// Which processor a command is about.
#[derive(Args, Clone, Copy, Debug)]
pub struct ArchArgs {
    /// The processor, the host's if not given; another one's guests are emulated all the same
    #[arg(long, visible_alias = "target", value_enum, default_value_t)]
    pub arch: Arch,
}

impl Arch {
    /// Debian's name.
    pub const fn debian(self) -> &'static str {
        match self {
            Self::Amd64 => "amd64",
            Self::Arm64 => "arm64",
        }
    }

    /// Rust's name, which aya's programs know the processor by, too.
    pub const fn rust(self) -> &'static str {
        match self {
            Self::Amd64 => "x86_64",
            Self::Arm64 => "aarch64",
        }
    }

    /// The target that `tracer` is built for. Named even where it is the host's own, because only
    /// then do RUSTFLAGS such as `+crt-static` leave proc macros and build scripts alone.
    pub const fn target(self) -> &'static str {
        match self {
            Self::Amd64 => "x86_64-unknown-linux-gnu",
            Self::Arm64 => "aarch64-unknown-linux-gnu",
        }
    }

    /// Whether this is the processor of the host.
    pub fn is_host(self) -> bool {
        self == Self::default()
    }

    /// What of a path or a name says that it is of this processor; nothing for the host's.
    pub fn suffix(self) -> &'static str {
        match self {
            _ if self.is_host() => "",
            Self::Amd64 => "-amd64",
            Self::Arm64 => "-arm64",
        }
    }
}
