//! Sums over root calls: by hand where they can be counted by hand, at random where they have to
//! add up.

#![allow(
    clippy::unwrap_used,
    reason = "helpers of tests are not seen as tests by the lint"
)]

mod by_hand;
mod made_up;

use by_hand::{ALLOC, IS_FULL, LOCK, SENDMSG, SENDTO, Task, functions, nested, sleeper};
use proptest::prelude::*;
use tracer::{
    graph::Rebuilder,
    model::{End, FunctionTable, Interrupts, Node, RootCall, SleepTime},
    summary::{CallTree, Collect, Diff, GroupBy, Latency, Merged, Report, Side, SortBy, Sums},
};

/// Nested and sleeping calls, one that fails, one that calls itself, one that is cut off.
fn calls() -> Vec<RootCall> {
    let recursive = Task::new(9, "again", 1)
        .enter(SENDMSG, 0)
        .after(10)
        .enter(LOCK, 1)
        .after(5)
        .leave(LOCK, 1, 0)
        .enter(SENDMSG, 1)
        .after(100)
        .leave(SENDMSG, 1, (-32i64).cast_unsigned())
        .leave(SENDMSG, 0, (-32i64).cast_unsigned())
        .end(End::Returned);
    let cut = Task::new(8, "cut", 1)
        .enter(SENDTO, 0)
        .enter(LOCK, 1)
        .end(End::Cut);
    vec![nested(), sleeper(), recursive, cut]
}

fn report(group_by: Option<GroupBy>, sort_by: SortBy) -> String {
    let functions = functions();
    let mut report = Report::new(&functions, SleepTime::Counted, group_by);
    for call in calls() {
        report.add(&call);
    }
    let mut out = Vec::new();
    report.write(sort_by, &mut out).unwrap();
    String::from_utf8(out).unwrap()
}

/// The callee stands where the root should: it is none.
#[test]
fn a_root_call_without_its_entry_is_not_counted_as_its_callee() {
    let functions = functions();
    let mut latency = Latency::new(&functions, SleepTime::Counted);
    let torn = Task::new(7, "torn", 0)
        .enter(LOCK, 1)
        .after(5)
        .leave(LOCK, 1, 0)
        .after(5)
        .leave(SENDMSG, 0, 0)
        .end(End::Returned);
    latency.add(&torn);
    assert_eq!(latency.roots().count(), 0);
    latency.add(&nested());
    assert_eq!(latency.roots().count(), 1);
}

#[test]
fn how_long_root_calls_take() {
    let functions = functions();
    let mut latency = Latency::new(&functions, SleepTime::Counted);
    for call in calls() {
        latency.add(&call);
    }
    let mut out = Vec::new();
    latency.write(&mut out).unwrap();
    insta::assert_snapshot!(String::from_utf8(out).unwrap());
}

#[test]
fn a_report() {
    insta::assert_snapshot!(report(None, SortBy::Total));
}

#[test]
fn a_report_by_group() {
    let all = [GroupBy::Task, GroupBy::Cpu, GroupBy::Caller]
        .map(|group| report(Some(group), SortBy::Name));
    insta::assert_snapshot!(all.join("\n"));
}

#[test]
fn every_key_sorts() {
    let first = |sort_by| {
        let text = report(None, sort_by);
        let line = text.lines().nth(1).unwrap().to_owned();
        line.split_whitespace().nth(9).unwrap().to_owned()
    };
    assert_eq!(first(SortBy::Calls), "lock_sock_nested");
    assert_eq!(first(SortBy::Errors), "inet_sendmsg");
    assert_eq!(first(SortBy::Own), "unknown+0x6000");
    assert_eq!(first(SortBy::Max), "__sys_sendto");
    assert_eq!(first(SortBy::Name), "__sys_sendto");
}

#[test]
fn a_call_tree() {
    let functions = functions();
    let mut tree = CallTree::new(&functions, "inet_sendmsg", SleepTime::Counted);
    for call in calls() {
        tree.add(&call);
    }
    let mut out = Vec::new();
    tree.write(&mut out).unwrap();
    insta::assert_snapshot!(String::from_utf8(out).unwrap());
    let mut other = CallTree::new(&functions, "tcp_sendmsg", SleepTime::Counted);
    other.add(&nested());
    assert!(other.is_empty());
}

/// `sends` root calls, each with a lock that takes about `lock_ns`, and with calls of `also`.
fn side<'a>(table: &'a FunctionTable, sends: u64, lock_ns: u64, also: &[u32]) -> Side<'a> {
    let mut side = Side::new(table, SleepTime::Counted);
    for number in 0..sends {
        let mut task = Task::new(1, "sender", 0);
        task.enter(SENDTO, 0).enter(LOCK, 1);
        task.after(lock_ns + number % 7).leave(LOCK, 1, 0);
        for &function in also {
            task.enter(function, 1).after(10).leave(function, 1, 0);
        }
        side.add(&task.leave(SENDTO, 0, 7).end(End::Returned));
    }
    side
}

fn diff(before: &Side<'_>, after: &Side<'_>) -> String {
    let mut out = Vec::new();
    Diff::new(before, after).write(&mut out).unwrap();
    String::from_utf8(out).unwrap()
}

#[test]
fn a_diff() {
    let table = functions();
    let before = side(&table, 100, 500, &[ALLOC]);
    let after = side(&table, 200, 560, &[IS_FULL]);
    insta::assert_snapshot!(diff(&before, &after));
}

#[test]
fn what_is_no_change_is_none() {
    let table = functions();
    let same = diff(&side(&table, 70, 500, &[]), &side(&table, 140, 500, &[]));
    assert!(same.contains("no path appeared"), "{same}");
    // Nine calls say nothing, however much they differ.
    let few = diff(&side(&table, 9, 500, &[]), &side(&table, 9, 5000, &[]));
    assert!(few.contains("no path appeared"), "{few}");
    let mut other = Side::new(&table, SleepTime::Counted);
    let unrelated = Task::new(1, "a", 0)
        .enter(LOCK, 0)
        .leave(LOCK, 0, 0)
        .end(End::Returned);
    other.add(&unrelated);
    assert!(Diff::new(&side(&table, 9, 500, &[]), &other).is_unrelated());
}

proptest! {
    /// Average and standard error are those of the textbook, also of sums of sums.
    #[test]
    fn sums_of_sums_have_the_right_error(
        times in prop::collection::vec(0u64..1_000_000, 2..40),
        cut in any::<prop::sample::Index>(),
    ) {
        let sums_of = |times: &[u64]| {
            let mut merged = Merged::new(SleepTime::Counted);
            for &time in times {
                let mut task = Task::new(1, "a", 0);
                merged.add(&task.enter(LOCK, 0).after(time).leave(LOCK, 0, 0).end(End::Returned));
            }
            let mut sums = Sums::default();
            merged.walk(&mut |path| sums.add(&path.sums));
            sums
        };
        let (one, other) = times.split_at(cut.index(times.len()));
        let mut sums = sums_of(one);
        sums.add(&sums_of(other));
        #[allow(clippy::cast_precision_loss)]
        let times: Vec<f64> = times.iter().map(|&time| time as f64).collect();
        #[allow(clippy::cast_precision_loss)]
        let count = times.len() as f64;
        let mean = times.iter().sum::<f64>() / count;
        let squares: f64 = times.iter().map(|time| (time - mean).powi(2)).sum();
        let error_squared = squares / (count - 1.0) / count;
        prop_assert!((sums.mean() - mean).abs() <= 1e-6 * mean.max(1.0));
        prop_assert!((sums.error_squared() - error_squared).abs() <= 1e-6 * error_squared.max(1.0));
    }

    /// In whole calls, the time of each is in one path, and no call is counted twice or not at all.
    #[test]
    fn sums_add_up(trees in prop::collection::vec(made_up::tree(), 1..5)) {
        let mut rebuilder = Rebuilder::new(Interrupts::Shown);
        let mut merged = Merged::new(SleepTime::Counted);
        let (mut nodes, mut time) = (0, 0);
        for (index, tree) in trees.iter().enumerate() {
            let mut list = Vec::new();
            made_up::events(tree, 0, 0x8000, &mut list);
            time += list.last().unwrap().time_ns - list[0].time_ns;
            let task = u32::try_from(index).unwrap() + 1;
            for batch in made_up::batches(task, 5, &list, 7) {
                rebuilder.push(batch, &mut |call| {
                    let is_call = |node: &&Node| matches!(node, Node::Call(_));
                    nodes += call.nodes.iter().filter(is_call).count() as u64;
                    merged.add(&call);
                });
            }
        }
        let (mut calls, mut own) = (0, 0);
        merged.walk(&mut |path| {
            calls += path.sums.calls;
            own += path.sums.self_time.0;
        });
        prop_assert_eq!((calls, own), (nodes, time));
    }
}
