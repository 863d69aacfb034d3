//! What ran under a root, from the entries that the function tracer saw.
//!
//! The function tracer says of each entry which function it is and where its caller would continue,
//! task by task in order. An entry belongs to a root if its caller is the root or belongs to it:
//! then the set of what belongs grows along the calls that really happened, through function
//! pointers as well as direct calls. One that is jumped to at the end of another returns to that
//! one's caller: the text says who jumps, and the hits say to where each would return. Three kinds
//! of callers have no entry of their own and belong all the same: functions that the kernel does
//! not trace, if the text of a member calls them; BPF programs; and the entry code of interrupts,
//! for what runs on the task after the hard interrupt itself. While a trace goes on, its own
//! programs run too: what they call is none of the graph.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use tracer_common::Context;

use super::FunctionHit;
use crate::{
    arch::is_interrupt_entry,
    kernel::{Address, Kernel, symbols::Symbols, text::CalleeKind},
    plan::{is_own_tracepoint, programs},
};

/// What is known to run under the roots, growing.
pub struct Learner<'a> {
    kernel: &'a Kernel,
    roots: BTreeSet<Address>,
    members: BTreeMap<Address, u64>,
    /// Members in the order in which they were first seen.
    order: Vec<Address>,
    /// Functions without an entry of their own that the text of a member calls.
    silent: BTreeSet<Address>,
    /// Functions that the text of a member, of a root, or of a silent one jumps to at its end, and
    /// who does.
    jumps: BTreeMap<Address, Vec<Address>>,
    /// All who do.
    jumpers: BTreeSet<Address>,
    /// Where they would return to, task by task, as far as they were last seen.
    returns: HashMap<(u32, Address), Address>,
    root_calls: u64,
    inside: BTreeSet<u32>,
}

impl<'a> Learner<'a> {
    /// Nothing is known but the roots.
    pub fn new(kernel: &'a Kernel, roots: BTreeSet<Address>) -> Self {
        let mut learner = Self {
            kernel,
            members: BTreeMap::new(),
            order: Vec::new(),
            silent: BTreeSet::new(),
            jumps: BTreeMap::new(),
            jumpers: BTreeSet::new(),
            returns: HashMap::new(),
            root_calls: 0,
            inside: BTreeSet::new(),
            roots,
        };
        for root in learner.roots.clone() {
            learner.look_into(root);
        }
        learner
    }

    /// Takes what is known already, with its number of hits.
    pub fn know(&mut self, known: impl IntoIterator<Item = (Address, u64)>) {
        for (function, hits) in known {
            if self.members.insert(function, hits).is_none() {
                self.look_into(function);
            }
        }
    }

    /// Functions that ran under a root, with their number of hits.
    pub const fn members(&self) -> &BTreeMap<Address, u64> {
        &self.members
    }

    /// Those of `members` that were first seen here, in that order.
    pub fn order(&self) -> &[Address] {
        &self.order
    }

    /// Root calls that were seen.
    pub const fn root_calls(&self) -> u64 {
        self.root_calls
    }

    /// Takes hits, which are in order for each task. `symbols` are those of now: BPF programs come
    /// and go. Says of each hit that belongs to a root which function it is of.
    pub fn take<'h>(
        &mut self,
        symbols: &Symbols,
        hits: &'h [FunctionHit],
    ) -> Vec<(&'h FunctionHit, Address)> {
        let mut belong = Vec::new();
        for hit in hits {
            let Some(function) = symbols.function_at(hit.function) else {
                continue;
            };
            if self.roots.contains(&function.start) {
                self.root_calls += 1;
                self.inside.insert(hit.tid);
                self.note_return(function.start, hit);
                continue;
            }
            if !self.inside.contains(&hit.tid)
                || is_own_tracepoint(function.name)
                || !(self.belongs(symbols, hit) || self.was_jumped_to(function.start, hit))
            {
                continue;
            }
            belong.push((hit, function.start));
            self.note_return(function.start, hit);
            if let Some(program) = symbols.function_at(hit.parent)
                && programs::is_program(program.name)
            {
                self.add(program.start);
            }
            if self.add(function.start) {
                self.look_into(function.start);
            }
        }
        belong
    }

    /// Counts a hit of a member; says whether it is a new one.
    fn add(&mut self, function: Address) -> bool {
        let hits = self.members.entry(function).or_insert(0);
        *hits += 1;
        let is_new = *hits == 1;
        if is_new {
            self.order.push(function);
        }
        is_new
    }

    fn belongs(&self, symbols: &Symbols, hit: &FunctionHit) -> bool {
        let Some(parent) = symbols.function_at(hit.parent) else {
            return false;
        };
        self.roots.contains(&parent.start)
            || self.members.contains_key(&parent.start)
            || self.silent.contains(&parent.start)
            || is_probe_or_program(parent.name, parent.module)
            || (hit.context < Context::HardIrq && is_interrupt_entry(parent.name))
    }

    fn note_return(&mut self, function: Address, hit: &FunctionHit) {
        if self.jumpers.contains(&function) {
            self.returns.insert((hit.tid, function), hit.parent);
        }
    }

    /// Whether a member that jumps to the function at its end would have returned to where this hit
    /// returns: then it is the member's callee, although the stack has its caller.
    fn was_jumped_to(&self, function: Address, hit: &FunctionHit) -> bool {
        let jumpers = self.jumps.get(&function).into_iter().flatten();
        let mut returns = jumpers.filter_map(|&jumper| self.returns.get(&(hit.tid, jumper)));
        returns.any(|&parent| parent == hit.parent)
    }

    /// Notes what the text of a function says: who has no entry of its own, and to whom it jumps.
    fn look_into(&mut self, function: Address) {
        let Some(text) = &self.kernel.text else {
            return;
        };
        let mut callers = vec![function];
        while let Some(caller) = callers.pop() {
            for callee in text.callees(&self.kernel.symbols, caller) {
                let Some(target) = self.kernel.symbols.function_at(callee.target) else {
                    continue;
                };
                if !self.kernel.is_traceable(target.name) {
                    if self.silent.insert(target.start) {
                        callers.push(target.start);
                    }
                } else if callee.kind == CalleeKind::TailJump {
                    self.jumpers.insert(function);
                    self.jumps.entry(target.start).or_default().push(function);
                }
            }
        }
    }
}

/// A BPF program has no entry of its own in the function tracer; what it calls is the graph's. A
/// trampoline is the caller of what a function with probes jumps to at its end: that of a pair or a
/// multi link, or the one that fprobe lets functions return to (rethook, seen on 6.12; from 6.14 on
/// fgraph, whose name was not seen as a caller).
fn is_probe_or_program(name: &str, module: Option<&str>) -> bool {
    let any = module == Some("bpf")
        || programs::is_program(name)
        || name.starts_with("bpf_trampoline_")
        || ["arch_rethook_trampoline", "return_to_handler"].contains(&name);
    any && !programs::is_own(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_tracers_own_programs_are_no_callers() {
        assert!(is_probe_or_program(
            "bpf_prog_0123456789abcdef_redirect",
            Some("bpf")
        ));
        assert!(is_probe_or_program("bpf_trampoline_6442", Some("bpf")));
        assert!(is_probe_or_program("arch_rethook_trampoline", None));
        assert!(!is_probe_or_program(
            "bpf_prog_0123456789abcdef_callee_entry",
            Some("bpf")
        ));
        assert!(!is_probe_or_program("tcp_sendmsg", None));
    }
}
