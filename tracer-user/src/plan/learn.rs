//! What ran under a root, from the entries that the function tracer saw.
//!
//! The function tracer says of each entry which function it is and where its caller would continue, task by
//! task in order. An entry belongs to a root if its caller is the root or belongs to it: then the set of
//! what belongs grows along the calls that really happened, through function pointers as well as
//! direct calls. Interrupts do not join in, because their first function is called from the entry code, which
//! belongs to no root.

use std::collections::{BTreeMap, BTreeSet};

use crate::kernel::{Address, learning::FunctionHit, symbols::Symbols};

/// Functions that ran under one of `roots`, with their number of hits. `hits` are in order for each
/// task. The second value is the number of root calls that were seen.
pub fn reached(
    symbols: &Symbols,
    roots: &BTreeSet<Address>,
    hits: &[FunctionHit],
) -> (BTreeMap<Address, u64>, u64) {
    let mut members = BTreeMap::new();
    let mut root_calls = 0;
    let mut tasks: BTreeMap<u32, bool> = BTreeMap::new();
    for hit in hits {
        let Some(function) = symbols.function_at(hit.function) else {
            continue;
        };
        let inside = tasks.entry(hit.tid).or_default();
        if roots.contains(&function.start) {
            root_calls += 1;
            *inside = true;
            continue;
        }
        if !*inside {
            continue;
        }
        let belongs = match symbols.function_at(hit.parent) {
            Some(parent) => {
                roots.contains(&parent.start)
                    || members.contains_key(&parent.start)
                    || is_bpf_program(parent.name, parent.module)
            }
            None => false,
        };
        if belongs {
            *members.entry(function.start).or_insert(0) += 1;
        }
    }
    (members, root_calls)
}

/// A BPF program has no entry of its own in the function tracer; what it calls is the graph's.
fn is_bpf_program(name: &str, module: Option<&str>) -> bool {
    module == Some("bpf") || name.starts_with("bpf_prog_") || name.starts_with("bpf_trampoline_")
}
