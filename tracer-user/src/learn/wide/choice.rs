//! What has probes when a trace is narrowed.

use std::{cmp::Reverse, collections::BTreeMap};

use crate::{
    kernel::{Address, Kernel},
    plan::{FoundBy, Plan, Planned, Reach, Rules},
};

/// The share of all hits, in percent, that the functions have which get pairs.
const PAIRED_HITS: u64 = 98;
/// Functions that get pairs at most. Each has two programs and two links of its own, and while they
/// come a call of a function that has an fprobe, too, costs some 30 instructions for each of them,
/// all its callers ([`pair`](crate::attach::pair)).
const MOST_PAIRS: usize = 256;

/// What was seen, in this trace or an earlier one, and what its machine code calls: a branch that
/// was not taken yet is one call away.
pub fn narrow(kernel: &Kernel, rules: &Rules, wide: &Plan, seen: &BTreeMap<Address, u64>) -> Plan {
    let mut known: BTreeMap<Address, FoundBy> = BTreeMap::new();
    let roots = wide.roots.iter().map(|root| root.address);
    if let Some(text) = &kernel.text {
        for caller in roots.chain(seen.keys().copied()) {
            for callee in text.callees(&kernel.symbols, caller) {
                known.insert(callee.target, FoundBy::Code { distance: 1 });
            }
        }
    }
    let hits = |(&address, &hits)| (address, FoundBy::Learned { hits });
    known.extend(seen.iter().map(hits));
    let mut plan = Plan::new(kernel, rules, wide.roots.clone(), known).hide(wide.excluded.clone());
    // As in the wide plan: a pair calls them four times, 250 instructions each, for nothing (seen
    // on 6.12).
    if !rules.wants_all_calls() {
        plan.callees.retain(|one| one.reach != Reach::Shared);
    }
    plan
}

/// The functions that have most of the hits, those that are hit most first.
pub fn hottest(plan: &Plan) -> Vec<Planned> {
    let mut hit: Vec<(u64, &Planned)> = plan
        .callees
        .iter()
        .filter(|one| one.reach == Reach::Type)
        .filter_map(|one| match one.source {
            FoundBy::Learned { hits } => Some((hits, one)),
            _ => None,
        })
        .collect();
    hit.sort_by_key(|&(hits, _)| Reverse(hits));
    let all: u64 = hit.iter().map(|(hits, _)| hits).sum();
    let mut sum = 0;
    hit.into_iter()
        .take(MOST_PAIRS)
        .take_while(|(hits, _)| {
            let is_wanted = sum * 100 < all * PAIRED_HITS;
            sum += hits;
            is_wanted
        })
        .map(|(_, one)| one.clone())
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_most_hit_have_nearly_all_hits() {
        let callee = |number: u64, hits| Planned {
            name: format!("f{number}"),
            address: Address(number),
            source: FoundBy::Learned { hits },
            reach: Reach::Type,
        };
        let by_address = Planned {
            reach: Reach::Address,
            ..callee(5, 1000)
        };
        let plan = Plan {
            callees: vec![
                callee(1, 1),
                callee(2, 90),
                callee(3, 9),
                callee(4, 1),
                by_address,
            ],
            ..Plan::default()
        };
        let names: Vec<String> = hottest(&plan).into_iter().map(|one| one.name).collect();
        assert_eq!(names, ["f2", "f3"]);
    }
}
