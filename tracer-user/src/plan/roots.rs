//! What the user typed after `-G` and `-g` becomes functions.
//!
//! A name, a glob, or a system call's name: `sendto` means the function that does the work of the
//! call (`__sys_sendto`), or else its entries, that of 64-bit programs (`__x64_sys_sendto`) and
//! that of 32-bit ones. A function that cannot be traced is named with those that call it.

mod error;
mod shown;
mod wanted;

use std::collections::{BTreeMap, BTreeSet};

use super::{FoundBy, Planned, Reach, interrupts::AROUND_INTERRUPTS, rules::Rules};
use crate::{
    arch::{OTHER_SYSCALL_ENTRIES, SYSCALL_ENTRY},
    kernel::{Address, Kernel, facts, modules, symbols::Function},
    model::near,
};
use error::MOST_PAIRS;
pub use error::RootError;
pub use shown::{Shown, check_hidden, check_through};
use wanted::Wanted;

/// Roots that are told one by one, in recordings and elsewhere.
pub const MOST_NAMED: usize = 1024;
/// The glob for every function: a trace of a command without a root.
pub const EVERYTHING: &str = "*";
/// Callers that are named in the place of a function.
const MOST_CALLERS: usize = 4;

/// Finds the functions that `wanted` stands for.
pub fn resolve_roots(
    kernel: &Kernel,
    rules: &Rules,
    wanted: &[String],
) -> Result<Vec<Planned>, RootError> {
    let found = wanted.iter().map(|typed| resolve(kernel, rules, typed));
    let found = found.collect::<Result<Vec<_>, _>>()?;
    Ok(each_once(found.concat()))
}

/// The same for a trace, to which functions of a module come later that is not loaded, and can be:
/// `wait` is told the module and what was typed.
pub fn resolve_or_wait(
    kernel: &Kernel,
    rules: &Rules,
    wanted: &[String],
    wait: impl Fn(&str, &str),
) -> Result<Vec<Planned>, RootError> {
    let mut roots = Vec::new();
    for typed in wanted {
        match resolve(kernel, rules, typed) {
            Err(RootError::NoModule(module)) if is_installed(&module) => {
                wait(&module, typed);
            }
            found => roots.extend(found?),
        }
    }
    Ok(each_once(roots))
}

/// The functions that `wanted` stands for, of what is loaded now.
pub fn found_roots(kernel: &Kernel, rules: &Rules, wanted: &[String]) -> Vec<Planned> {
    let found = wanted.iter().map(|typed| resolve(kernel, rules, typed));
    each_once(found.flatten().flatten().collect())
}

/// Whether a module that is loaded later can have functions that this stands for.
pub fn may_come(typed: &str) -> bool {
    let wanted = Wanted::parse(typed);
    wanted.is_glob() || wanted.module.is_some()
}

fn is_installed(module: &str) -> bool {
    facts::release_name().is_ok_and(|release| modules::may_be_loaded(&release, module))
}

fn each_once(mut roots: Vec<Planned>) -> Vec<Planned> {
    let mut known = BTreeSet::new();
    roots.retain(|root| known.insert(root.address));
    roots
}

/// The functions that one name or glob stands for.
fn resolve(kernel: &Kernel, rules: &Rules, typed: &str) -> Result<Vec<Planned>, RootError> {
    let wanted = Wanted::parse(typed);
    if !wanted.is_glob() {
        return by_name(kernel, rules, &wanted);
    }
    by_glob(kernel, rules, typed, &wanted).map_err(|error| match wanted.module {
        Some(module) if !wanted.has_module(kernel) => RootError::NoModule(module.to_owned()),
        _ => error,
    })
}

/// The roots that are not excluded: what is skipped is skipped, also where a glob of `-G` has it.
pub fn without_excluded(
    mut roots: Vec<Planned>,
    excluded: &[Planned],
) -> Result<Vec<Planned>, RootError> {
    let excluded: BTreeSet<Address> = excluded.iter().map(|excluded| excluded.address).collect();
    let has_none = roots.is_empty();
    roots.retain(|root| !excluded.contains(&root.address));
    if roots.is_empty() && !has_none {
        return Err(RootError::AllExcluded);
    }
    Ok(roots)
}

/// The functions of a name: all that have it, be it one of several names at an address or the name
/// without what the compiler put after it, as `finish_task_switch` is for
/// `finish_task_switch.isra.0`.
fn by_name(kernel: &Kernel, rules: &Rules, wanted: &Wanted<'_>) -> Result<Vec<Planned>, RootError> {
    let mut refused = None;
    for candidate in candidates(kernel, wanted) {
        let mut found = Vec::new();
        for function in candidate.iter().flat_map(|name| wanted.named(kernel, name)) {
            match rules.check(kernel, &function) {
                Ok(reach) => found.push(planned(&function, reach)),
                Err(reason) => {
                    refused.get_or_insert((function, reason));
                }
            }
        }
        if !found.is_empty() {
            return Ok(found);
        }
    }
    Err(match refused {
        Some((function, reason)) => RootError::NotAttachable {
            name: function.shown(),
            reason,
            callers: callers(kernel, rules, function.start),
        },
        None => not_there(kernel, wanted),
    })
}

/// The functions that a name or a glob is of, whether they can be traced or not; none that matches
/// a glob is no error.
pub fn functions_of<'k>(kernel: &'k Kernel, typed: &str) -> Result<Vec<Function<'k>>, RootError> {
    let wanted = Wanted::parse(typed);
    if wanted.is_glob() {
        return Ok(wanted.matching(kernel));
    }
    candidates(kernel, &wanted)
        .iter()
        .map(|names| {
            let named = names.iter().flat_map(|name| wanted.named(kernel, name));
            named.collect::<Vec<_>>()
        })
        .find(|functions| !functions.is_empty())
        .ok_or_else(|| not_there(kernel, &wanted))
}

/// Whether what was typed stands for any number of functions.
pub(super) fn is_glob(typed: &str) -> bool {
    Wanted::parse(typed).is_glob()
}

/// Why nothing has the name.
fn not_there(kernel: &Kernel, wanted: &Wanted<'_>) -> RootError {
    let name = wanted.name.to_owned();
    if let Some(module) = wanted.module.filter(|_| !wanted.has_module(kernel)) {
        RootError::NoModule(module.to_owned())
    } else if wanted.module.is_none() && kernel.types.function_id(&name).is_some() {
        RootError::Inlined(name)
    } else {
        RootError::Unknown {
            near: near_names(kernel, &name),
            name,
        }
    }
}

/// Names that a name may stand for, the likeliest first; those of one list belong together. A
/// system call is called by its name in the source of the kernel or by that in
/// arch/x86/entry/syscalls/syscall_64.tbl.
fn candidates(kernel: &Kernel, wanted: &Wanted<'_>) -> Vec<Vec<String>> {
    const OTHER_NAMES: [(&str, &str); 6] = [
        ("stat", "newstat"),
        ("fstat", "newfstat"),
        ("lstat", "newlstat"),
        ("uname", "newuname"),
        ("umount2", "umount"),
        ("sendfile", "sendfile64"),
    ];
    let name = wanted.name;
    let mut candidates = vec![vec![name.to_owned()]];
    if wanted.module.is_some() {
        return candidates;
    }
    let other = OTHER_NAMES.iter().find(|(known, _)| *known == name);
    for call in [Some(name), other.map(|(_, other)| *other)] {
        let Some(call) = call else { continue };
        candidates.push(vec![format!("__sys_{call}")]);
        candidates.push(vec![format!("ksys_{call}")]);
        let is_there = |entry: &String| kernel.symbols.address_of(entry).is_some();
        // A call that has a definition of its own for them enters there.
        let mut others = OTHER_SYSCALL_ENTRIES
            .iter()
            .rev()
            .map(|entry| format!("{entry}{call}"));
        let entries = [format!("{SYSCALL_ENTRY}{call}")].into_iter();
        candidates.push(entries.chain(others.find(is_there)).collect());
    }
    candidates
}

/// Functions that call the one at `address` and can be traced, those with most calls first.
fn callers(kernel: &Kernel, rules: &Rules, address: Address) -> Vec<String> {
    let Some(text) = &kernel.text else {
        return Vec::new();
    };
    let mut counts: BTreeMap<Address, (usize, String)> = BTreeMap::new();
    for place in text.calls_of(&kernel.symbols, address) {
        let caller = kernel.symbols.function_at(place);
        if let Some(caller) = caller.filter(|caller| rules.check(kernel, caller).is_ok()) {
            let known = counts.entry(caller.start);
            known.or_insert_with(|| (0, caller.shown())).0 += 1;
        }
    }
    let mut callers: Vec<(usize, String)> = counts.into_values().collect();
    callers.sort_by(|a, b| b.0.cmp(&a.0).then_with(|| a.1.cmp(&b.1)));
    let names = callers.into_iter().map(|(_, name)| name);
    names.take(MOST_CALLERS).collect()
}

fn by_glob(
    kernel: &Kernel,
    rules: &Rules,
    typed: &str,
    wanted: &Wanted<'_>,
) -> Result<Vec<Planned>, RootError> {
    let mut matching = wanted.matching(kernel);
    if typed == EVERYTHING {
        matching.retain(|function| !is_around_interrupts(function.name));
    }
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
        0 => Err(RootError::NoMatch(typed.to_owned())),
        count if count > MOST_PAIRS && !rules.takes_addresses() => Err(RootError::TooMany {
            glob: typed.to_owned(),
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
        source: FoundBy::Root,
        reach,
    }
}

/// Names that are nearly the one asked for.
fn near_names(kernel: &Kernel, name: &str) -> Vec<String> {
    let names = kernel.symbols.functions().map(|function| function.name);
    near(name, names, |name| kernel.is_traceable(name))
}
