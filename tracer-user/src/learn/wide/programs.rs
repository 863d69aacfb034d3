//! BPF programs, which no fprobe reaches, join a wide trace by their own types.
//!
//! Which of them run below the roots is not known before they do, so all join that have types and
//! are called in the middle of what the kernel does: those of the network, of cgroups, of the
//! scheduler. Those that trace hang on probes of their own and are none of the graph. A program
//! that is loaded while the trace goes on joins within a moment. Each takes a pair, so there is a
//! bound.

use crate::{
    kernel::{
        Address,
        programs::{LoadedProgram, programs_after},
    },
    plan::{FoundBy, Planned, Reach, Rules, programs},
};

/// Functions of programs that join at most.
const MOST: usize = 64;

/// Kinds that trace (`enum bpf_prog_type`): kprobe, tracepoint, perf_event, raw_tracepoint and its
/// writable form, tracing.
const TRACING: [u32; 6] = [2, 5, 7, 17, 24, 26];

/// The programs that were found.
#[derive(Debug, Default)]
pub struct Programs {
    last: u32,
    found: Vec<Planned>,
}

impl Programs {
    /// Functions of programs that were loaded since this was asked.
    pub fn new_ones(&mut self, rules: &Rules) -> Vec<Planned> {
        let mut new = Vec::new();
        for program in programs_after(self.last) {
            self.last = program.id;
            if is_wanted(&program) && self.found.len() + new.len() < MOST {
                new.extend({
                    let functions = program.functions.into_iter();
                    functions.filter_map(|start| planned(rules, start))
                });
            }
        }
        self.found.extend(new.iter().cloned());
        new
    }

    /// All that were found.
    pub fn found(&self) -> &[Planned] {
        &self.found
    }
}

fn is_wanted(program: &LoadedProgram) -> bool {
    !TRACING.contains(&program.kind) && !programs::is_own_name(&program.name)
}

fn planned(rules: &Rules, address: Address) -> Option<Planned> {
    let name = rules.program(address).ok()?;
    Some(Planned {
        name: format!("{name} [bpf]"),
        address,
        source: FoundBy::Everything,
        reach: Reach::Program,
    })
}
