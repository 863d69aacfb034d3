//! Which functions a function calls, read from the text of the running kernel.
//!
//! The live text is better than a kernel image: what the kernel patches at boot and later (static
//! calls, jump labels, alternatives, return thunks) stands there as it is executed, so a static
//! call is an ordinary direct call. What text cannot tell is where indirect calls go: they are only
//! counted.
//!
//! [`super::kcore`] reads the bytes, `arch` decodes them, this file says what a branch means: a
//! call, a tail call (a jump to another function), or the function's own `.cold` part, which is
//! followed.

mod counts;

use std::collections::BTreeMap;

use super::{
    Address,
    kcore::{CodeError, CodeReader, KernelCode},
    symbols::{Function, Symbols},
    traceable::Traceable,
};
use crate::arch::{
    Branch, BranchKind, FURTHEST_PROBE,
    code::{self, FUNCTION_PADDING, is_indirect_thunk, is_machinery},
};

/// How many static-call trampolines in a row are followed; the kernel makes no chains.
const LONGEST_TRAMPOLINE_CHAIN: usize = 4;

/// How a callee is reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum CalleeKind {
    /// By a call.
    Call,
    /// By a jump: when it returns, the caller has returned too.
    TailJump,
}

/// A function that another one calls.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Callee {
    /// Its first byte.
    pub target: Address,
    /// How it is reached; `TailJump` if both ways.
    pub kind: CalleeKind,
}

/// All that a function's text says about what it calls.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Calls {
    /// Functions that are called directly, by address, each once.
    pub callees: Vec<Callee>,
    /// Places that call or jump wherever a register says.
    pub indirect: usize,
}

impl KernelCode {
    /// What a function calls. Takes some microseconds.
    pub fn calls(&self, symbols: &Symbols, function: &Function<'_>) -> Result<Calls, CodeError> {
        calls_in(symbols, function, &|start, length| self.read(start, length))
    }

    /// How many direct calls of each of `functions`, which ascend, the kernel proper has. See
    /// [`counts`].
    pub fn call_counts(&self, symbols: &Symbols, functions: &[Traceable]) -> Vec<u32> {
        let starts: Vec<Address> = functions.iter().map(|known| known.function).collect();
        let [begin, end] = ["_stext", "_etext"].map(|name| symbols.address_of(name));
        let (begin, end) = begin.zip(end).unwrap_or_default();
        counts::call_counts(begin, end, &starts, &self.reader())
    }

    /// Where the kernel proper calls a function directly, or jumps to it at its end; what others
    /// have patched is missing. Reads all of the text: tens of milliseconds.
    pub fn calls_of(&self, symbols: &Symbols, function: Address) -> Vec<Address> {
        let [begin, end] = ["_stext", "_etext"].map(|name| symbols.address_of(name));
        let text = begin.zip(end).unwrap_or_default();
        counts::calls_of(function, text, &self.reader())
    }

    /// How many arguments in registers a function takes at least, by what its beginning reads: a
    /// type that has fewer is another function's. None where others have changed the beginning, so
    /// that it says nothing of the function. Takes some microseconds.
    pub fn arguments_read(
        &self,
        symbols: &Symbols,
        function: &Function<'_>,
    ) -> Result<Option<usize>, CodeError> {
        let length = function.end.since(function.start).unwrap_or(0);
        let length = usize::try_from(length).map_or(code::BEGINNING_BYTES, |length| {
            length.min(code::BEGINNING_BYTES)
        });
        let code = self.read(function.start, length)?;
        let is_code = |target| {
            let of = symbols.function_at(target);
            // Pages to which optimised kprobes jump (kernel/kprobes.c).
            of.is_some_and(|of| !of.name.starts_with("kprobe_optinsn"))
        };
        Ok(code::arguments_read(&code, function.start, is_code))
    }

    /// Whether somebody has patched the entry of the function that begins at `start`; none if there
    /// is no place for that.
    pub fn is_patched(&self, start: Address) -> Result<Option<bool>, CodeError> {
        let text = self.read(start, code::ENTRY_BYTES)?;
        Ok(code::is_patched(&text))
    }

    /// The functions that the function around `address` calls or jumps to directly; none where the
    /// text cannot be read. See [`Self::calls`].
    pub fn callees(&self, symbols: &Symbols, address: Address) -> Vec<Callee> {
        symbols
            .function_at(address)
            .and_then(|function| self.calls(symbols, &function).ok())
            .map(|calls| calls.callees)
            .unwrap_or_default()
    }
}

/// What stands at the end of a branch.
#[derive(Debug, PartialEq, Eq)]
enum Destination<'a> {
    Function(Address),
    /// A part of the same function that was moved away because it seldom runs.
    Cold(Function<'a>),
    /// A thunk that goes wherever a register says.
    Indirect,
    /// Nothing that a user would call a callee.
    Nothing,
}

/// What a function calls, by text that need not be the running kernel's.
pub fn calls_in(
    symbols: &Symbols,
    function: &Function<'_>,
    read: CodeReader<'_>,
) -> Result<Calls, CodeError> {
    let mut found = BTreeMap::new();
    let mut indirect = 0;
    let mut parts = vec![*function];
    let mut next = 0;
    while let Some(part) = parts.get(next).copied() {
        next += 1;
        let length = part.end.since(part.start).unwrap_or(0);
        let code = read(part.start, usize::try_from(length).unwrap_or(0))?;
        let branches = code::branches(&code, part.start);
        indirect += branches.indirect;
        for branch in branches.direct {
            let inside =
                |part: &Function<'_>| part.start <= branch.target && branch.target < part.end;
            if branch.kind == BranchKind::Jump && parts.iter().any(inside) {
                continue;
            }
            match destination(symbols, branch, read, 0) {
                Destination::Function(target) => {
                    let kind = match branch.kind {
                        BranchKind::Call => CalleeKind::Call,
                        BranchKind::Jump => CalleeKind::TailJump,
                    };
                    let known = found.entry(target).or_insert(kind);
                    *known = kind.max(*known);
                }
                Destination::Cold(cold) if !parts.iter().any(|part| part.start == cold.start) => {
                    parts.push(cold);
                }
                Destination::Indirect => indirect += 1,
                Destination::Cold(_) | Destination::Nothing => {}
            }
        }
    }
    let callees = found.into_iter();
    Ok(Calls {
        callees: callees
            .map(|(target, kind)| Callee { target, kind })
            .collect(),
        indirect,
    })
}

fn destination<'a>(
    symbols: &'a Symbols,
    branch: Branch,
    read: CodeReader<'_>,
    chain: usize,
) -> Destination<'a> {
    let Some(function) = symbols.function_at(branch.target) else {
        return before_a_function(symbols, branch.target);
    };
    // Code that also runs before the kernel is mapped has a second name with this prefix.
    let name = function.name.trim_start_matches("__pi_");
    if is_indirect_thunk(name) {
        return Destination::Indirect;
    }
    if is_machinery(name) {
        return Destination::Nothing;
    }
    if name.starts_with("__SCT__") {
        if chain == LONGEST_TRAMPOLINE_CHAIN {
            return Destination::Nothing;
        }
        let code = read(function.start, code::TRAMPOLINE_BYTES).unwrap_or_default();
        return match code::leading_jump(&code, function.start) {
            Some(target) => destination(symbols, Branch { target, ..branch }, read, chain + 1),
            // A static call that is set to nothing.
            None => Destination::Nothing,
        };
    }
    let offset = branch.target.since(function.start).unwrap_or(0);
    if name.split('.').skip(1).any(|part| part == "cold") {
        return Destination::Cold(function);
    }
    if offset == 0 || offset == FURTHEST_PROBE {
        return Destination::Function(function.start);
    }
    match before_a_function(symbols, branch.target) {
        Destination::Nothing if branch.kind == BranchKind::Call => {
            Destination::Function(function.start)
        }
        // A jump into the middle of another function is no call of it.
        other => other,
    }
}

/// The padding in front of a function counts as the function.
fn before_a_function(symbols: &Symbols, target: Address) -> Destination<'static> {
    let after = symbols.function_at(target.plus(FUNCTION_PADDING));
    match after.filter(|function| target < function.start) {
        Some(function) => Destination::Function(function.start),
        None => Destination::Nothing,
    }
}

#[cfg(all(test, target_arch = "x86_64"))]
mod tests;
