//! Which prototypes the kernel's BPF trampoline can serve.
//!
//! The kernel checks them when a program is loaded or attached, and refuses with a bare EINVAL or
//! ENOTSUPP; with many functions in one link, one bad one fails them all. So the same rules stand
//! here, each with a sentence for the user: `btf_distill_func_proto` (kernel/bpf/btf.c) and
//! `__arch_prepare_bpf_trampoline` (arch/x86/net/bpf_jit_comp.c).

use std::fmt;

use super::{ParameterKind, Prototype};
use crate::{
    arch::{ARGUMENT_REGISTERS, LARGEST_IN_REGISTERS, REGISTER_BYTES, STACK_ARGUMENTS_SINCE},
    kernel::facts::Release,
    model::ValueType,
};

/// The most arguments a function may have (MAX_BPF_FUNC_ARGS, include/linux/bpf.h).
const MOST_ARGUMENTS: usize = 12;
/// The most words of eight bytes that all arguments together may take.
const MOST_WORDS: u32 = 12;

/// What the trampoline of one kernel can save.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TrampolineLimits {
    /// The most words of eight bytes that all arguments together may take.
    pub argument_words: u32,
}

impl TrampolineLimits {
    /// The limits of that kernel's trampoline.
    pub fn of(release: Release) -> Self {
        let has_registers_only = (release.major, release.minor) < STACK_ARGUMENTS_SINCE;
        let argument_words = if has_registers_only {
            ARGUMENT_REGISTERS
        } else {
            MOST_WORDS
        };
        Self { argument_words }
    }
}

/// Why the trampoline cannot serve a function.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Obstacle {
    /// It has more than twelve arguments.
    TooManyArguments {
        /// How many.
        count: usize,
    },
    /// Its arguments take more words than this kernel's trampoline saves.
    TooManyWords {
        /// How many words of eight bytes they take.
        words: u32,
        /// How many the trampoline saves.
        limit: u32,
    },
    /// It takes any number of arguments.
    Variadic,
    /// It returns a structure, a union, or something else that is not one number.
    ReturnsAggregate,
    /// An argument passed by value is too large.
    LargeArgument {
        /// Which, counted from 1.
        position: usize,
        /// Its size in bytes.
        size: u32,
    },
    /// An argument is a union or a floating-point number passed by value.
    UnsupportedArgument {
        /// Which, counted from 1.
        position: usize,
    },
}

impl fmt::Display for Obstacle {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TooManyArguments { count } => write!(
                out,
                "it has {count} arguments, and BPF can follow functions of at most {MOST_ARGUMENTS}"
            ),
            Self::TooManyWords { words, limit } => write!(
                out,
                "its arguments take {words} registers, and this kernel's BPF trampoline saves \
                {limit}"
            ),
            Self::Variadic => out.write_str("it takes a variable number of arguments"),
            Self::ReturnsAggregate => out.write_str("it returns a structure or union by value"),
            Self::LargeArgument { position, size } => write!(
                out,
                "its argument {position} is a structure of {size} bytes passed by value, and BPF \
                can follow {LARGEST_IN_REGISTERS}"
            ),
            Self::UnsupportedArgument { position } => write!(
                out,
                "its argument {position} is passed by value and is neither a number nor a structure"
            ),
        }
    }
}

impl Prototype {
    /// Why BPF's fentry and fexit cannot attach to such a function, if they cannot.
    pub fn fentry_obstacle(&self, limits: TrampolineLimits) -> Option<Obstacle> {
        if self.variadic {
            return Some(Obstacle::Variadic);
        }
        let count = self.parameters.len();
        if count > MOST_ARGUMENTS {
            return Some(Obstacle::TooManyArguments { count });
        }
        if matches!(self.returns, ValueType::Aggregate { .. }) {
            return Some(Obstacle::ReturnsAggregate);
        }
        let mut words = 0;
        for (position, parameter) in (1..).zip(&self.parameters) {
            let size = parameter.size;
            if parameter.kind == ParameterKind::Other || size == 0 {
                return Some(Obstacle::UnsupportedArgument { position });
            }
            if size > LARGEST_IN_REGISTERS {
                return Some(Obstacle::LargeArgument { position, size });
            }
            words += size.div_ceil(REGISTER_BYTES);
        }
        let limit = limits.argument_words;
        (words > limit).then_some(Obstacle::TooManyWords { words, limit })
    }
}
