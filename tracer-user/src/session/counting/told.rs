//! What is said on stderr when calls were counted: how many, and how many are missing for which reason.

use crate::attach::count::{Conditions, Counted, Skipped};

/// The sums over all roots.
pub(super) fn sums(counted: &[Counted], skipped: Skipped, conditions: &Conditions, verbose: bool) {
    let sum = |of: fn(&Counted) -> u64| counted.iter().map(of).sum::<u64>();
    let calls = sum(|root| root.buckets.iter().sum());
    let filtered_out = match *conditions {
        Conditions {
            at_least_ns: 0,
            failed: false,
            returned: None,
            ..
        } => String::new(),
        _ => format!("; {} calls filtered out", sum(|root| root.filtered_out)),
    };
    let without_entry = sum(|root| root.without_entry);
    let without_exit = sum(|root| root.without_exit);
    let skipped = Skipped {
        // Where the kernel does not count what it skips, the next call in the same frame has seen it.
        exits: skipped.exits.max(without_exit),
        ..skipped
    };
    let missing = skipped.calls(without_entry);
    eprintln!("tracer: {calls} calls counted in the kernel, {missing} missing{filtered_out}");
    if missing > 0 {
        eprintln!(
            "tracer: {missing} calls at most were skipped by the kernel, because a probe was at work on their CPU"
        );
    }
    let no_place = sum(|root| root.no_place);
    if no_place > 0 {
        eprintln!("tracer: {no_place} calls were not counted: too many were open at once");
    }
    let begun = without_entry.saturating_sub(skipped.entries);
    if begun > 0 && skipped.either == 0 {
        eprintln!("tracer: {begun} calls returned that had begun before the trace");
    }
    if verbose {
        eprintln!(
            "tracer: the kernel skipped {} entries, {} exits, {} of either; {without_entry} exits came without an entry, \
             {without_exit} entries without an exit",
            skipped.entries, skipped.exits, skipped.either
        );
    }
}
