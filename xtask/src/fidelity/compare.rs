//! How much of one listing is in the other.
//!
//! A call's path is the names from the root down to it; a root call is the multiset of its paths.
//! The kernel does not take the same way each time (a timer is due, a reader already awake), and
//! two recordings catch other mixtures of ways. So each root call of one listing is held against
//! the one of the other that is most like it: recall is the share of the kernel's calls that are in
//! their best match of ours, precision the share of ours that are in their best match of the
//! kernel's. What a listing never shows, or shows in the wrong place, has no match and counts in
//! full.
//!
//! Interrupts come when they come, and so does what they leave to do on the way out: the soft
//! interrupts of timers and RCU, and a reschedule. [`paths`] can take those subtrees out of both
//! listings; the raw numbers have them.
//!
//! The kernel's tracer does not see BPF programs: what they call hangs in its listing on their
//! callers. So it does here.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

use super::parse::{Node, is_program};

/// How often each path occurs in a root call.
pub type Paths = BTreeMap<String, u32>;

/// What is taken out of a listing before it is compared.
#[derive(Debug, Default)]
pub struct Without {
    /// Calls of these functions; what they called moves up to their caller.
    pub functions: BTreeSet<String>,
    /// What interrupts brought in, with all that was called there.
    pub interrupts: bool,
}

/// The paths of each root call.
pub fn paths(calls: &[Vec<Node>], without: &Without) -> Vec<Paths> {
    calls.iter().map(|call| paths_of(call, without)).collect()
}

fn paths_of(call: &[Node], without: &Without) -> Paths {
    let mut paths = Paths::new();
    for (path, _) in kept(call, without) {
        *paths.entry(path).or_default() += 1;
    }
    paths
}

/// The calls that are compared, in their order: each with its path.
pub fn kept<'a>(call: &'a [Node], without: &Without) -> Vec<(String, &'a Node)> {
    let mut all = Vec::with_capacity(call.len());
    let mut stack: Vec<(usize, String)> = Vec::new();
    let mut cut_at = None;
    for node in call {
        if cut_at.is_some_and(|depth| node.depth > depth) {
            continue;
        }
        while stack.last().is_some_and(|(depth, _)| *depth >= node.depth) {
            stack.pop();
        }
        let parent = stack.last().map_or("", |(_, path)| path);
        cut_at = (without.interrupts && is_interrupt(&node.name, parent)).then_some(node.depth);
        let is_skipped = without.functions.contains(&node.name) || is_program(&node.name);
        if cut_at.is_some() || is_skipped {
            continue;
        }
        let path = match parent {
            "" => node.name.clone(),
            parent => format!("{parent}/{}", node.name),
        };
        all.push((path.clone(), node));
        stack.push((node.depth, path));
    }
    all
}

/// Whether a call was brought in by an interrupt: the interrupt's own entry and exit code, soft
/// interrupts that run on its way out rather than where the task enables them, and the soft
/// interrupts that have nothing to do with what the task does.
fn is_interrupt(name: &str, parent: &str) -> bool {
    let caller = parent.rsplit('/').next().unwrap_or_default();
    match name {
        "irq_enter_rcu"
        | "irq_exit_rcu"
        | "__irq_exit_rcu"
        | "idle_cpu"
        | "irqentry_exit_cond_resched"
        | "raw_irqentry_exit_cond_resched"
        | "__hrtimer_rearm_deferred"
        | "run_timer_softirq"
        | "hrtimer_run_softirq"
        | "rcu_core_si"
        | "rcu_core"
        | "sched_balance_softirq"
        | "run_rebalance_domains"
        | "tasklet_action"
        // A tracer's own probe, while somebody else has one there, too: function_graph follows
        // the tasks in set_ftrace_pid so.
        | "__traceiter_sched_switch" => true,
        "__do_softirq" => !matches!(
            caller,
            "do_softirq" | "do_softirq.part.0" | "__local_bh_enable_ip"
        ),
        "handle_softirqs" => !matches!(
            caller,
            "__do_softirq" | "do_softirq" | "do_softirq.part.0" | "__local_bh_enable_ip"
        ),
        "try_to_wake_up" | "wake_up_process" | "wakeup_softirqd" => {
            matches!(caller, "handle_softirqs" | "__do_softirq")
        }
        _ => false,
    }
}

/// A function with calls that one listing has and the other has not.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Difference {
    /// Its name.
    pub function: String,
    /// Such calls per root call.
    pub per_root_call: f64,
    /// The path of one of them.
    pub example: String,
}

/// One comparison.
#[derive(Clone, Debug, Serialize)]
pub struct Comparison {
    /// The share of the reference that we have, 0 to 1.
    pub recall: f64,
    /// The share of ours that the reference has, 0 to 1.
    pub precision: f64,
    /// Functions whose calls are missing, with the calls per root call, most first.
    pub missing: Vec<Difference>,
    /// Functions whose calls are too many, likewise.
    pub surplus: Vec<Difference>,
}

/// Compares `ours` with `reference`.
pub fn compare(reference: &[Paths], ours: &[Paths]) -> Comparison {
    let (recall, missing) = covered(reference, ours);
    let (precision, surplus) = covered(ours, reference);
    Comparison {
        recall,
        precision,
        missing,
        surplus,
    }
}

/// The share of `calls` that is in their best matches among `others`, and the functions whose calls
/// are not, per root call.
fn covered(calls: &[Paths], others: &[Paths]) -> (f64, Vec<Difference>) {
    let (mut all, mut found) = (0, 0);
    let mut absent: BTreeMap<&str, (u32, &str)> = BTreeMap::new();
    for call in calls {
        all += size(call);
        let Some(other) = likest(call, others) else {
            continue;
        };
        found += common(call, other);
        for (path, count) in call {
            let more = count.saturating_sub(other.get(path).copied().unwrap_or(0));
            if more > 0 {
                let function = path.rsplit('/').next().unwrap_or(path);
                absent.entry(function).or_insert((0, path)).0 += more;
            }
        }
    }
    let per_call = |count: u32| {
        f64::from(count) / f64::from(u32::try_from(calls.len().max(1)).unwrap_or(u32::MAX))
    };
    let mut absent: Vec<_> = absent
        .into_iter()
        .map(|(function, (count, example))| Difference {
            function: function.to_owned(),
            per_root_call: per_call(count),
            example: example.to_owned(),
        })
        .collect();
    absent.sort_by(|a, b| {
        b.per_root_call
            .total_cmp(&a.per_root_call)
            .then_with(|| a.function.cmp(&b.function))
    });
    let share = if all == 0 {
        0.0
    } else {
        f64::from(found) / f64::from(all)
    };
    (share, absent)
}

/// The one of `others` that a root call is most like.
pub fn likest<'a>(call: &Paths, others: &'a [Paths]) -> Option<&'a Paths> {
    let likeness =
        |other: &&Paths| (2 * common(call, other)).cast_signed() - size(other).cast_signed();
    others.iter().max_by_key(likeness)
}

/// What each root call shares with the one of `others` that it is most like.
pub fn repeated(calls: &[Paths], others: &[Paths]) -> Vec<Paths> {
    let shared = |call: &Paths| {
        let other = likest(call, others)?;
        let both = call.iter().filter_map(|(path, count)| {
            let count = (*count).min(*other.get(path)?);
            Some((path.clone(), count))
        });
        Some(both.collect())
    };
    calls.iter().filter_map(shared).collect()
}

fn size(call: &Paths) -> u32 {
    call.values().sum()
}

/// What two root calls share; both maps are in order, so one walk over both.
fn common(a: &Paths, b: &Paths) -> u32 {
    let (mut a, mut b) = (a.iter().peekable(), b.iter().peekable());
    let mut sum = 0;
    while let (Some((path_a, count_a)), Some((path_b, count_b))) = (a.peek(), b.peek()) {
        match path_a.cmp(path_b) {
            std::cmp::Ordering::Less => drop(a.next()),
            std::cmp::Ordering::Greater => drop(b.next()),
            std::cmp::Ordering::Equal => {
                sum += (*count_a).min(*count_b);
                a.next();
                b.next();
            }
        }
    }
    sum
}

#[cfg(test)]
mod tests {
    use super::*;

    fn call(nodes: &[(&str, usize)]) -> Vec<Node> {
        nodes
            .iter()
            .map(|&(name, depth)| Node {
                name: name.to_owned(),
                depth,
                value: None,
            })
            .collect()
    }

    #[test]
    fn a_listing_is_all_of_itself() {
        let calls = [call(&[("r", 0), ("a", 1), ("b", 2), ("a", 1)])];
        let paths = paths(&calls, &Without::default());
        let same = compare(&paths, &paths);
        assert!((same.recall - 1.0).abs() < 1e-9 && (same.precision - 1.0).abs() < 1e-9);
        assert!(same.missing.is_empty() && same.surplus.is_empty());
    }

    #[test]
    fn what_is_missing_lowers_recall_only() {
        let none = Without::default();
        let reference = paths(&[call(&[("r", 0), ("a", 1), ("b", 2), ("c", 1)])], &none);
        let ours = paths(&[call(&[("r", 0), ("a", 1), ("c", 1)])], &none);
        let comparison = compare(&reference, &ours);
        assert!((comparison.recall - 0.75).abs() < 1e-9);
        assert!((comparison.precision - 1.0).abs() < 1e-9);
        assert_eq!(comparison.missing[0].function, "b");
        assert_eq!(comparison.missing[0].example, "r/a/b");
    }

    #[test]
    fn programs_are_not_compared() {
        let call = |names: &[(&str, usize)]| {
            let node = |(name, depth): &(&str, usize)| Node {
                name: (*name).to_owned(),
                depth: *depth,
                value: None,
            };
            paths(&[names.iter().map(node).collect()], &Without::default())
        };
        let ours = call(&[("send", 0), ("redirect [bpf]", 1), ("helper", 2)]);
        assert_eq!(ours, call(&[("send", 0), ("helper", 1)]));
    }

    #[test]
    fn children_of_what_is_taken_out_move_up() {
        let without = Without {
            functions: BTreeSet::from(["a".to_owned()]),
            interrupts: false,
        };
        let reference = paths(&[call(&[("r", 0), ("a", 1), ("b", 2)])], &without);
        let ours = paths(&[call(&[("r", 0), ("b", 1)])], &Without::default());
        assert!((compare(&reference, &ours).recall - 1.0).abs() < 1e-9);
    }

    #[test]
    fn interrupts_are_cut_with_all_below() {
        let without = Without {
            functions: BTreeSet::new(),
            interrupts: true,
        };
        let nodes = [
            ("r", 0),
            ("irq_enter_rcu", 1),
            ("x", 2),
            ("handle_softirqs", 1),
            ("y", 2),
            ("__local_bh_enable_ip", 1),
            ("handle_softirqs", 2),
            ("net_rx_action", 3),
        ];
        let paths = paths(&[call(&nodes)], &without);
        let kept: Vec<_> = paths[0].keys().map(String::as_str).collect();
        assert_eq!(
            kept,
            [
                "r",
                "r/__local_bh_enable_ip",
                "r/__local_bh_enable_ip/handle_softirqs",
                "r/__local_bh_enable_ip/handle_softirqs/net_rx_action"
            ]
        );
    }
}
