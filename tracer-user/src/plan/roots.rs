//! What the user typed after `-G` and `-g` becomes functions.
//!
//! A name, a glob, or a syscall's name: `sendto` means the function that does the work of the
//! syscall (`__sys_sendto`), or else its entry (`__x64_sys_sendto`).

use std::collections::BTreeSet;

use thiserror::Error;
use wildmatch::WildMatch;

use super::{Planned, Reach, Reason, Source, interrupts::AROUND_INTERRUPTS, rules::Rules};
use crate::{
    arch::SYSCALL_ENTRY,
    kernel::{Kernel, symbols::Function},
};

/// Roots that one glob may stand for, where each function is attached for itself.
const MOST_PAIRS: usize = 64;
/// Roots that are told one by one, in recordings and elsewhere.
pub const MOST_NAMED: usize = 1024;
/// The glob for every function: a trace of a command without a root.
pub const EVERYTHING: &str = "*";

/// Why there is no root.
#[derive(Debug, Error, PartialEq, Eq)]
pub enum RootError {
    /// Nothing has that name.
    #[error("no kernel function is called `{name}`{}", did_you_mean(.near))]
    Unknown {
        /// What was asked for.
        name: String,
        /// Names that look like it.
        near: Vec<String>,
    },
    /// No traceable function matches the glob.
    #[error(
        "no traceable kernel function matches `{0}`; `tracer list '{0}'` shows what was left out \
        and why"
    )]
    NoMatch(String),
    /// A glob matches too much.
    #[error(
        "`{glob}` matches {count} functions, and at most {MOST_PAIRS} roots can be traced at once \
        on a kernel without kprobe.session; narrow the pattern"
    )]
    TooMany {
        /// What was asked for.
        glob: String,
        /// How many there are.
        count: usize,
    },
    /// Nothing is left to trace.
    #[error("-g leaves out every root; let one of them be")]
    AllHidden,
    /// The function cannot be attached.
    #[error(
        "`{name}` cannot be traced: {reason}; trace a function that calls it, or one that it calls"
    )]
    NotAttachable {
        /// Its name.
        name: String,
        /// Why.
        reason: Reason,
    },
}

fn did_you_mean(names: &[String]) -> String {
    match names {
        [] => "; `tracer list '*PART*'` searches by a part of the name".to_owned(),
        names => format!("; did you mean {}?", names.join(", ")),
    }
}

/// Finds the functions that `wanted` stands for.
pub fn resolve_roots(
    kernel: &Kernel,
    rules: &Rules,
    wanted: &[String],
) -> Result<Vec<Planned>, RootError> {
    let mut roots: Vec<Planned> = Vec::new();
    let mut known = BTreeSet::new();
    for name in wanted {
        let found = if name.contains(['*', '?']) {
            by_glob(kernel, rules, name)?
        } else {
            by_name(kernel, rules, name)?
        };
        for root in found {
            if known.insert(root.address) {
                roots.push(root);
            }
        }
    }
    Ok(roots)
}

/// The roots that are not hidden: what is left out is left out, also where a glob of `-G` has it.
pub fn without_hidden(
    mut roots: Vec<Planned>,
    hidden: &[Planned],
) -> Result<Vec<Planned>, RootError> {
    roots.retain(|root| hidden.iter().all(|hidden| hidden.address != root.address));
    if roots.is_empty() {
        return Err(RootError::AllHidden);
    }
    Ok(roots)
}

/// The functions of a name: all that have it, be it one of several names at an address or the name
/// without what the compiler put behind it, as `finish_task_switch` is for
/// `finish_task_switch.isra.0`.
fn by_name(kernel: &Kernel, rules: &Rules, name: &str) -> Result<Vec<Planned>, RootError> {
    let candidates = [
        name.to_owned(),
        format!("__sys_{name}"),
        format!("ksys_{name}"),
        format!("{SYSCALL_ENTRY}{name}"),
    ];
    let mut refused = None;
    for candidate in candidates {
        let mut found = Vec::new();
        for function in named(kernel, &candidate) {
            match rules.check(kernel, &function) {
                Ok(reach) => found.push(planned(&function, reach)),
                Err(reason) => {
                    refused.get_or_insert(RootError::NotAttachable {
                        name: candidate.clone(),
                        reason,
                    });
                }
            }
        }
        if !found.is_empty() {
            return Ok(found);
        }
    }
    Err(refused.unwrap_or_else(|| RootError::Unknown {
        name: name.to_owned(),
        near: near_names(kernel, name),
    }))
}

/// The functions that have a name, or else those that the compiler made from one of that name.
fn named<'a>(kernel: &'a Kernel, name: &str) -> Vec<Function<'a>> {
    let exact: Vec<Function<'_>> = kernel
        .symbols
        .functions_named(name)
        .filter_map(|address| {
            let function = kernel.symbols.function_at(address)?;
            (function.start == address).then_some(function)
        })
        .collect();
    if !exact.is_empty() {
        return exact;
    }
    let functions = kernel.symbols.functions();
    functions
        .filter(|function| is_made_from(function.name, name))
        .collect()
}

/// Whether a name is the other one with what the compiler puts behind it, of a function that can be
/// entered.
fn is_made_from(function: &str, name: &str) -> bool {
    const SUFFIXES: [&str; 4] = ["isra", "constprop", "part", "llvm"];
    let suffix = function
        .strip_prefix(name)
        .and_then(|rest| rest.strip_prefix('.'));
    suffix.is_some_and(|suffix| {
        let mut parts = suffix.split('.');
        let is_made = parts.next().is_some_and(|part| SUFFIXES.contains(&part));
        is_made && parts.all(|part| part != "cold")
    })
}

fn by_glob(kernel: &Kernel, rules: &Rules, glob: &str) -> Result<Vec<Planned>, RootError> {
    let pattern = WildMatch::new(glob);
    let functions = kernel.symbols.functions();
    let matching: Vec<Function<'_>> = functions
        .filter(|function| pattern.matches(function.name))
        .filter(|function| glob != EVERYTHING || !is_around_interrupts(function.name))
        .collect();
    let found: Vec<Planned> = if matching.len() > MOST_PAIRS && rules.takes_addresses() {
        let found = matching.iter();
        found
            .filter_map(|function| {
                let reach = rules.wide_reach(kernel, function).ok()?;
                Some(planned(function, reach))
            })
            .collect()
    } else {
        let checked = |function: &Function<'_>| {
            let reach = rules.check(kernel, function).ok()?;
            Some(planned(function, reach))
        };
        matching.iter().filter_map(checked).collect()
    };
    match found.len() {
        0 => Err(RootError::NoMatch(glob.to_owned())),
        count if count > MOST_PAIRS && !rules.takes_addresses() => Err(RootError::TooMany {
            glob: glob.to_owned(),
            count,
        }),
        _ => Ok(found),
    }
}

/// Whether it runs at the edges of an interrupt, where nobody can tell from whom it comes: it
/// belongs to a root call that is interrupted, and where every function is a root it would begin
/// one for each tick.
fn is_around_interrupts(name: &str) -> bool {
    /// What else the way out of an interrupt calls (kernel/entry/common.c, kernel/softirq.c).
    const ON_THE_WAY_OUT: &[&str] = &[
        "fpregs_assert_state_consistent",
        "idle_cpu",
        "mem_cgroup_handle_over_high",
        "blkcg_maybe_throttle_current",
        "rcu_irq_exit_check_preempt",
        "tick_nohz_irq_exit",
    ];
    AROUND_INTERRUPTS.contains(&name) || ON_THE_WAY_OUT.contains(&name)
}

fn planned(function: &Function<'_>, reach: Reach) -> Planned {
    Planned {
        name: function.name.to_owned(),
        address: function.start,
        source: Source::Root,
        reach,
    }
}

/// Up to three names that are nearly the one asked for, the nearest first.
fn near_names(kernel: &Kernel, name: &str) -> Vec<String> {
    let mut scored: Vec<(f64, &str)> = kernel
        .symbols
        .functions()
        .filter(|function| function.name.len().abs_diff(name.len()) <= 4)
        .map(|function| (strsim::jaro_winkler(name, function.name), function.name))
        .filter(|(score, _)| *score > 0.88)
        .collect();
    scored.sort_by(|a, b| b.0.total_cmp(&a.0).then(a.1.cmp(b.1)));
    scored.dedup_by(|a, b| a.1 == b.1);
    scored
        .into_iter()
        .map(|(_, name)| name.to_owned())
        .filter(|near| kernel.is_traceable(near))
        .take(3)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_compiler_put_behind_a_name_is_known() {
        for made in [
            "f.isra.0",
            "f.constprop.0",
            "f.part.0",
            "f.isra.0.constprop.3",
        ] {
            assert!(is_made_from(made, "f"), "{made}");
        }
        for other in [
            "f",
            "f.cold",
            "f.part.0.cold",
            "fg.isra.0",
            "f.isra_0",
            "f.0",
        ] {
            assert!(!is_made_from(other, "f"), "{other}");
        }
    }
}
