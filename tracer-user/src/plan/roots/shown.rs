//! The functions by which a trace is filtered while it goes on, `--through` and `--hide`: a name
//! that nothing has would show nothing, or hide nothing, and nobody would know why.
//!
//! They are named as they are shown, so a system call's own name is not enough. What may come while
//! the trace goes on is let through: functions of modules that are not loaded, and BPF programs.

use super::{RootError, Wanted, by_name};
use crate::{
    filter::{Name, Names},
    kernel::{Kernel, symbols::Function},
    plan::Rules,
};

/// The module of BPF programs, by what the kernel prints.
const PROGRAMS: &str = "bpf";

/// Checks the functions that a root call must go through: each has one that can be traced.
pub fn check_through(kernel: &Kernel, rules: &Rules, names: &Names) -> Result<(), RootError> {
    let is_traced = |function: &Function<'_>| {
        function.module == Some(PROGRAMS) || rules.check(kernel, function).is_ok()
    };
    names
        .iter()
        .try_for_each(|name| check(kernel, rules, name, is_traced))
}

/// Checks the functions that are not shown: each is there.
pub fn check_hidden(kernel: &Kernel, rules: &Rules, names: &Names) -> Result<(), RootError> {
    names
        .iter()
        .try_for_each(|name| check(kernel, rules, name, |_| true))
}

fn check(
    kernel: &Kernel,
    rules: &Rules,
    name: &Name,
    is_good: impl Fn(&Function<'_>) -> bool,
) -> Result<(), RootError> {
    let wanted = Wanted::parse(&name.typed);
    let may_come = wanted.module == Some(PROGRAMS) || !wanted.has_module(kernel);
    let mut functions = kernel.symbols.functions();
    if may_come || functions.any(|function| is_meant(name, &function) && is_good(&function)) {
        return Ok(());
    }
    if wanted.is_glob() {
        return Err(RootError::NoMatch(name.typed.clone()));
    }
    let found = by_name(kernel, rules, &wanted)?;
    Err(RootError::Unknown {
        name: name.typed.clone(),
        near: found.into_iter().map(|root| root.name).collect(),
    })
}

/// Whether a function is shown by that name.
fn is_meant(name: &Name, function: &Function<'_>) -> bool {
    match function.module {
        None => name.is(function.name),
        Some(PROGRAMS) => program_name(function.name).is_some_and(|program| name.is(program)),
        Some(_) => name.is(&function.shown()),
    }
}

/// The name of a BPF program's function in its source, of that of its symbol: `bpf_prog_`, a tag of
/// 16 digits, and the name (`bpf_get_prog_name`, kernel/bpf/core.c).
fn program_name(symbol: &str) -> Option<&str> {
    let (tag, name) = symbol.strip_prefix("bpf_prog_")?.split_once('_')?;
    (tag.len() == 16).then_some(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_program_is_known_by_its_name_in_the_source() {
        let symbol = "bpf_prog_0123456789abcdef_redirect_to_peer";
        assert_eq!(program_name(symbol), Some("redirect_to_peer"));
        assert_eq!(program_name("bpf_prog_0123456789abcdef"), None);
        assert_eq!(program_name("bpf_trampoline_6442"), None);
    }
}
