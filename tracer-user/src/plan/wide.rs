//! All functions: what a trace begins with where the kernel can attach them at once.
//!
//! A function is found by its address alone, and only the rules that hold for an fprobe apply. So
//! what a root calls once in a year has its probe from the first root call on. Only what begins a
//! system call has none unless a root comes before that: it never runs below another function, and
//! its probe would cost each system call of the host some 400 instructions. Cost: a pass over
//! the functions that ftrace reaches, some hundred instructions each, without their types and their
//! machine code.

use std::collections::{BTreeMap, BTreeSet};

use super::{FoundBy, Plan, Planned, Reach, Reason, Rules, Worth, rules::is_shared};
use crate::{
    arch::{SYSCALL_CALLERS, is_never_below},
    kernel::{Address, Kernel, symbols::Function},
};

impl Plan {
    /// All that the rules allow, below these roots and outside of what is excluded. Nothing where
    /// the kernel does not say what ftrace reaches.
    pub fn wide(
        kernel: &Kernel,
        rules: &Rules,
        roots: Vec<Planned>,
        excluded: Vec<Planned>,
    ) -> Self {
        let named = roots.iter().chain(&excluded);
        let taken: BTreeSet<Address> = named.map(|function| function.address).collect();
        let mut plan = Self {
            roots,
            excluded,
            ..Self::default()
        };
        let mut roots = plan.roots.iter().map(|root| root.name.as_str());
        let enters = roots.any(|root| SYSCALL_CALLERS.contains(&root));
        for traceable in kernel.traceable_functions() {
            let function = kernel.symbols.function_at(traceable.function);
            let Some(function) = function.filter(|function| !taken.contains(&function.start))
            else {
                continue;
            };
            if !enters && function.module.is_none() && is_never_below(function.name) {
                plan.skip(&function, Reason::NeverBelow);
                continue;
            }
            plan.add_wide(kernel, rules, &function, FoundBy::Everything);
        }
        plan
    }

    /// What a wide trace has of the functions that are known to run under the roots, or may.
    pub fn wide_of(
        kernel: &Kernel,
        rules: &Rules,
        roots: Vec<Planned>,
        known: BTreeMap<Address, FoundBy>,
    ) -> Self {
        let mut plan = Self {
            roots,
            ..Self::default()
        };
        let taken = plan.root_addresses();
        for (address, source) in known {
            let function = kernel.symbols.function_at(address);
            if let Some(function) =
                function.filter(|function| function.start == address && !taken.contains(&address))
            {
                plan.add_wide(kernel, rules, &function, source);
            }
        }
        plan
    }

    fn skip(&mut self, function: &Function<'_>, reason: Reason) {
        self.decide(
            function.shown(),
            function.start,
            FoundBy::Everything,
            Err(reason),
        );
    }

    fn add_wide(
        &mut self,
        kernel: &Kernel,
        rules: &Rules,
        function: &Function<'_>,
        source: FoundBy,
    ) {
        let reach = rules.wide_reach(kernel, function);
        self.decide(function.shown(), function.start, source, reach);
    }
}

impl Rules {
    /// Whether a function may be one of very many that are attached by their addresses.
    pub fn wide_reach(&self, kernel: &Kernel, function: &Function<'_>) -> Result<Reach, Reason> {
        if is_shared(function.name) {
            // An fprobe calls them at each hit, in which they are skipped: two more entries for
            // nothing.
            return match self.worth {
                Worth::AllCalls => Ok(Reach::Shared),
                Worth::Usual => Err(Reason::OwnHelper),
            };
        }
        if is_own_tracepoint(function.name) {
            return Err(Reason::OwnHelper);
        }
        self.reachable_by_address(kernel, function.start)?;
        Ok(Reach::Address)
    }
}

/// How the kernel comes to a program on a tracepoint (include/trace/bpf_probe.h,
/// kernel/trace/bpf_trace.c): without the tracer's own program it would not.
pub fn is_own_tracepoint(name: &str) -> bool {
    const PARTS: &[&str] = &[
        "__bpf_trace_sched_switch",
        "__traceiter_sched_switch",
        "__bpf_trace_task_newtask",
        "__traceiter_task_newtask",
        "bpf_trace_run",
    ];
    PARTS.iter().any(|part| name.starts_with(part))
}
