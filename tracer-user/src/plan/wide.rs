//! All functions: what a trace begins with where the kernel can attach them at once.
//!
//! A function is found by its address alone, and only the rules that hold for an fprobe apply. So what a
//! root calls once in a year has its probe from the first root call on. Cost: a pass over the symbols, some
//! hundred instructions each, without their types and without their text.

use std::collections::BTreeSet;

use super::{LeftOut, Plan, Planned, Reason, Rules, Scope, Source, rules::is_shared};
use crate::{
    kernel::{Address, Kernel, symbols::Function},
    plan::Reach,
};

impl Plan {
    /// All that the rules allow, below these roots and outside of what is hidden.
    pub fn wide(kernel: &Kernel, rules: &Rules, roots: Vec<Planned>, hidden: Vec<Planned>) -> Self {
        let named = roots.iter().chain(&hidden);
        let mut taken: BTreeSet<Address> = named.map(|function| function.address).collect();
        let mut plan = Self {
            roots,
            hidden,
            ..Self::default()
        };
        for function in kernel.symbols.functions() {
            if !is_traced(kernel, &function) || !taken.insert(function.start) {
                continue;
            }
            match rules.check_by_address(&function) {
                Ok(()) => plan.callees.push(planned(&function)),
                Err(reason) => plan.left_out.push(LeftOut {
                    name: function.shown(),
                    reason,
                    source: Source::Everything,
                }),
            }
        }
        plan
    }
}

/// Whether the kernel's tracing reaches it. BPF programs have no address that an fprobe could take.
fn is_traced(kernel: &Kernel, function: &Function<'_>) -> bool {
    function.module != Some("bpf")
        && kernel.is_traceable(function.name)
        && kernel
            .symbols
            .is_unique_in(function.name, function.module)
}

fn planned(function: &Function<'_>) -> Planned {
    Planned {
        name: function.shown(),
        address: function.start,
        source: Source::Everything,
        reach: if is_shared(function.name) {
            Reach::Shared
        } else {
            Reach::Address
        },
    }
}

impl Rules {
    /// Whether an fprobe can have the function, and may.
    pub fn is_within_reach(&self, kernel: &Kernel, function: &Function<'_>) -> bool {
        is_traced(kernel, function) && self.check_by_address(function).is_ok()
    }

    /// Whether an fprobe may have the function, which the kernel's tracing reaches.
    pub fn check_by_address(&self, function: &Function<'_>) -> Result<(), Reason> {
        self.check_safety(function)?;
        // An fprobe calls them at each hit, in which they are skipped: two more entries for nothing.
        let is_of_probes = is_shared(function.name) && self.scope == Scope::Usual;
        if is_of_probes || is_own_tracepoint(function.name) {
            return Err(Reason::OwnHelper);
        }
        Ok(())
    }
}

/// How the kernel comes to a program on a tracepoint (include/trace/bpf_probe.h, kernel/trace/bpf_trace.c): without
/// the tracer's own program it would not.
pub fn is_own_tracepoint(name: &str) -> bool {
    const PARTS: &[&str] = &[
        "__bpf_trace_sched_switch",
        "__traceiter_sched_switch",
        "bpf_trace_run",
    ];
    PARTS.iter().any(|part| name.starts_with(part))
}
