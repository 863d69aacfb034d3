use proptest::prelude::*;

use super::{
    Extent, Failures, Filter, Names, Returns, outcome,
    returns::{Comparison, Operand},
};
use crate::{
    graph::builder::Builder,
    model::{
        CpuId, End, FunctionId, FunctionInfo, FunctionTable, Interrupts, Nanoseconds, Node,
        ProcessId, RootCall, SleepTime, TaskId, TaskKey, Trees, ValueType,
    },
};
use tracer_common::{Context, Event, EventKind};

const INT: ValueType = ValueType::Signed { bytes: 4 };
const LONG: ValueType = ValueType::Signed { bytes: 8 };
const UNSIGNED: ValueType = ValueType::Unsigned { bytes: 4 };

/// Events of one root call: time in µs, kind, function, depth, return register.
pub(super) fn call(events: &[(u64, EventKind, u32, u8, u64)], end: End) -> RootCall {
    let mut builder = Builder::new(Interrupts::Shown, Trees::Whole);
    for &(us, kind, function, depth, value) in events {
        let event = Event {
            time_ns: us * 1000,
            value,
            function,
            frame: 1000 - u16::from(depth),
            depth,
            kind_and_context: Event::pack(kind, Context::Task as u8),
        };
        builder.push(&event, CpuId(0));
    }
    builder.finish(ProcessId(1), TaskKey::Thread(TaskId(1)), [0; 16], end)
}

/// 100 µs, of which it sleeps 60 in the second of its two calls; returns -11.
fn sleeper() -> RootCall {
    use EventKind::{Entry, Exit, Off, On};
    call(
        &[
            (0, Entry, 1, 0, 0),
            (5, Entry, 2, 1, 0),
            (6, Entry, 3, 2, 0),
            (7, Exit, 3, 2, 0),
            (10, Exit, 2, 1, 0),
            (15, Entry, 2, 1, 0),
            (20, Off, 0, 2, 0),
            (80, On, 0, 2, 0),
            (81, Exit, 2, 1, 0),
            (100, Exit, 1, 0, 0xffff_fff5),
        ],
        End::Returned,
    )
}

fn functions(root: ValueType) -> FunctionTable {
    FunctionTable::new(
        [(1, root), (2, ValueType::Void)]
            .into_iter()
            .map(|(id, returns)| {
                let info = FunctionInfo::new(format!("f{id}"), Some(returns));
                (FunctionId(id), info)
            }),
    )
}

fn keeps(filter: &Filter, call: RootCall) -> bool {
    filter.apply(call, &functions(INT)).is_some()
}

fn condition(text: &str) -> Returns {
    text.parse().unwrap()
}

#[test]
fn without_conditions_everything_is_kept_as_it_is() {
    let filter = Filter::default();
    assert!(!filter.is_active());
    assert_eq!(filter.apply(sleeper(), &functions(INT)), Some(sleeper()));
}

#[test]
fn slow_is_more_than_the_limit_with_sleep_or_without() {
    let filter = |ns, sleep| Filter {
        slower_than: Some(Nanoseconds(ns)),
        sleep,
        ..Filter::default()
    };
    assert!(keeps(&filter(99_999, SleepTime::Counted), sleeper()));
    assert!(!keeps(&filter(100_000, SleepTime::Counted), sleeper()));
    assert!(keeps(&filter(39_999, SleepTime::Excluded), sleeper()));
    assert!(!keeps(&filter(40_000, SleepTime::Excluded), sleeper()));
}

#[test]
fn what_did_not_return_meets_no_condition() {
    use EventKind::{Died, Entry, Exit};
    let died = [(0, Entry, 1, 0, 0), (90, Died, 0, 1, 0)];
    // The root's entry is lost: its value is known, its duration is not.
    let torn = [(5, Entry, 2, 1, 0), (9, Exit, 2, 1, 3), (90, Exit, 1, 0, 7)];
    let slow = Filter {
        slower_than: Some(Nanoseconds(1)),
        ..Filter::default()
    };
    let seven = Filter {
        returns: Some(condition("=7")),
        ..Filter::default()
    };
    assert!(!keeps(&slow, call(&died, End::Died)));
    assert!(!keeps(&slow, call(&torn, End::Returned)));
    assert!(!keeps(&seven, call(&died, End::Died)));
    assert!(keeps(&seven, call(&torn, End::Returned)));
}

#[test]
fn conditions_of_different_kinds_must_all_hold() {
    let both = |us: u64, text| Filter {
        slower_than: Some(Nanoseconds(us * 1000)),
        failed: Some(Failures::default()),
        returns: Some(condition(text)),
        ..Filter::default()
    };
    assert!(keeps(&both(50, "=EAGAIN"), sleeper()));
    assert!(!keeps(&both(500, "=EAGAIN"), sleeper()));
    assert!(!keeps(&both(50, "=ENOMEM"), sleeper()));
}

#[test]
fn a_threshold_takes_whole_subtrees() {
    let shown = |us: u64, sleep| {
        let filter = Filter {
            threshold: Some(Nanoseconds(us * 1000)),
            sleep,
            ..Filter::default()
        };
        let call = filter.apply(sleeper(), &functions(INT))?;
        let depths: Vec<u32> = call.nodes.iter().map(Node::depth).collect();
        Some(depths)
    };
    assert_eq!(shown(1, SleepTime::Counted), Some(vec![0, 1, 2, 1]));
    assert_eq!(shown(5, SleepTime::Counted), Some(vec![0, 1, 1]));
    assert_eq!(shown(66, SleepTime::Counted), Some(vec![0, 1]));
    assert_eq!(shown(7, SleepTime::Excluded), Some(vec![0]));
    assert_eq!(shown(101, SleepTime::Counted), None);
}

#[test]
fn failing_is_a_negative_error_number_or_an_error_pointer() {
    let eagain = (-11i64).cast_unsigned();
    for (returns, register, failed) in [
        (INT, 0xffff_fff5, true),
        (INT, 0xdead_beef_ffff_fff5, true),
        (INT, 11, false),
        (INT, (-4096i64).cast_unsigned(), false),
        (INT, (-4095i64).cast_unsigned(), true),
        (LONG, eagain, true),
        (LONG, 0xffff_fff5, false),
        (UNSIGNED, eagain, false),
        (ValueType::Pointer, eagain, true),
        (ValueType::Pointer, 0, false),
        (ValueType::Bool, 0, false),
        (ValueType::Void, eagain, false),
    ] {
        assert_eq!(
            outcome::has_failed(Some(&returns), register),
            failed,
            "{returns:?} {register:#x}"
        );
    }
    assert!(!outcome::has_failed(None, eagain));
}

#[test]
fn conditions_go_by_the_type() {
    let minus_one = u64::from(u32::MAX);
    for (returns, register, text, holds) in [
        (INT, minus_one, "<0", true),
        (UNSIGNED, minus_one, "<0", false),
        (UNSIGNED, minus_one, "=4294967295", true),
        (INT, minus_one, "=4294967295", false),
        (INT, minus_one, "=0xffffffff", true),
        (INT, minus_one, "=-0x1", true),
        (INT, 0x1_0000_0007, "7", true),
        (LONG, 0x1_0000_0007, "7", false),
        (INT, 0, "=0x100000000", false),
        (INT, (-11i64).cast_unsigned(), "-EAGAIN", true),
        (INT, (-11i64).cast_unsigned(), "=EWOULDBLOCK", true),
        (
            ValueType::Pointer,
            (-12i64).cast_unsigned(),
            "=-ENOMEM",
            true,
        ),
        (
            ValueType::Pointer,
            0xffff_8881_0000_0000,
            "=0xffff888100000000",
            true,
        ),
        (ValueType::Pointer, 0xffff_8881_0000_0000, "<0", false),
        (ValueType::Pointer, 0, "=0", true),
        (ValueType::Bool, 0xff00, "=0", true),
        (ValueType::Bool, 0xff01, "=1", true),
        (ValueType::Void, 7, "=7", false),
        (ValueType::Void, 7, "!=7", false),
    ] {
        assert_eq!(
            condition(text).matches(Some(&returns), register),
            holds,
            "{returns:?} {register:#x} {text}"
        );
    }
}

#[test]
fn roots_that_return_nothing_meet_no_condition() {
    let roots = [("a", Some(ValueType::Void)), ("b", Some(ValueType::Void))];
    let filter = Filter {
        failed: Some(Failures::default()),
        ..Filter::default()
    };
    let error = filter.check(roots.clone().into_iter()).unwrap_err();
    assert!(
        error.to_string().starts_with("a, b returns nothing"),
        "{error}"
    );
    let with_one_more = roots.clone().into_iter().chain([("c", None)]);
    assert_eq!(filter.check(with_one_more), Ok(()));
    assert_eq!(Filter::default().check(roots.into_iter()), Ok(()));
}

#[test]
fn what_is_no_condition_is_refused() {
    for text in [
        "",
        "=",
        "<>0",
        "=!0",
        "seven",
        "0x",
        "=--7",
        "= +7",
        "7 8",
        "=EWHAT",
        "0xg",
        "-",
        "=0x-7",
        "18446744073709551616",
    ] {
        let error = text.parse::<Returns>().unwrap_err().to_string();
        assert!(
            error.contains(&format!("`{text}` is no condition")),
            "{error}"
        );
    }
}

fn comparisons() -> impl Strategy<Value = (&'static str, Comparison)> {
    prop::sample::select(vec![
        ("", Comparison::Equal),
        ("=", Comparison::Equal),
        ("==", Comparison::Equal),
        ("!=", Comparison::NotEqual),
        ("<", Comparison::Less),
        ("<=", Comparison::LessOrEqual),
        (">", Comparison::Greater),
        (">=", Comparison::GreaterOrEqual),
    ])
}

proptest! {
    /// No text makes it panic.
    #[test]
    fn any_text_is_read_or_refused(text in any::<String>()) {
        let _ = text.parse::<Returns>();
    }

    #[test]
    fn numbers_are_read_in_both_radices(
        (written, comparison) in comparisons(),
        number in any::<i64>(),
        space in "[ ]{0,2}",
    ) {
        let decimal: Returns = format!("{written}{space}{number}").parse().unwrap();
        let wanted = Returns { comparison, operand: Operand::Number(i128::from(number)) };
        prop_assert_eq!(decimal, wanted);
        let magnitude = number.unsigned_abs();
        let hex: Returns = format!("{written}{space}-{magnitude:#x}").parse().unwrap();
        prop_assert_eq!(hex.operand, Operand::Number(-i128::from(magnitude)));
        let bits: Returns = format!("{written}{space}{magnitude:#x}").parse().unwrap();
        prop_assert_eq!(bits.operand, Operand::Bits(magnitude));
    }

    /// On numbers of every width, comparing is comparing numbers.
    #[test]
    fn comparing_is_comparing(
        (written, comparison) in comparisons(),
        a in any::<i32>(),
        b in any::<i32>(),
        rubbish in any::<u32>(),
    ) {
        let condition: Returns = format!("{written}{b}").parse().unwrap();
        let wanted = match comparison {
            Comparison::Equal => a == b,
            Comparison::NotEqual => a != b,
            Comparison::Less => a < b,
            Comparison::LessOrEqual => a <= b,
            Comparison::Greater => a > b,
            Comparison::GreaterOrEqual => a >= b,
        };
        let register = (u64::from(rubbish) << 32) | u64::from(a.cast_unsigned());
        prop_assert_eq!(condition.matches(Some(&INT), register), wanted);
    }
}

/// The functions of [`refused`], by number, with what they return.
fn of_permission() -> FunctionTable {
    let pointer = ValueType::Pointer;
    let names = [
        (1, "sys_mount", LONG),
        (2, "path_mount", INT),
        (3, "capable", ValueType::Bool),
        (4, "security_capable", INT),
        (5, "cap_capable", INT),
        (6, "getname", pointer),
        (7, "putname", ValueType::Void),
    ];
    let infos = names.map(|(id, name, returns)| {
        let info = FunctionInfo::new(name.to_owned(), Some(returns));
        (FunctionId(id), info)
    });
    FunctionTable::new(infos.into_iter())
}

/// A mount that is not permitted: `capable` says so, twice.
fn refused() -> RootCall {
    use EventKind::{Entry, Exit};
    const EPERM: u64 = 0xffff_ffff;
    let capable = |us| {
        [
            (us, Entry, 3, 2, 0),
            (us + 1, Entry, 4, 3, 0),
            (us + 2, Entry, 5, 4, 0),
            (us + 3, Exit, 5, 4, EPERM),
            (us + 4, Exit, 4, 3, EPERM),
            (us + 5, Exit, 3, 2, 0),
        ]
    };
    let mut events = vec![
        (0, Entry, 1, 0, 0),
        (1, Entry, 6, 1, 0),
        (2, Exit, 6, 1, 0xffff_8880_0000_1000),
        (3, Entry, 2, 1, 0),
    ];
    events.extend(capable(10));
    events.extend(capable(20));
    events.extend([
        (30, Exit, 2, 1, EPERM),
        (31, Entry, 7, 1, 0),
        (32, Exit, 7, 1, 0xffff_ffff_ffff_ffff),
        (40, Exit, 1, 0, u64::MAX),
    ]);
    call(&events, End::Returned)
}

/// What is left of a root call: depth, function, folded calls, when it was entered in µs.
fn left(filter: &Filter, call: RootCall) -> Vec<(u32, u32, Option<u32>, u64)> {
    let call = filter.apply(call, &of_permission()).unwrap();
    let calls = call.nodes.iter().filter_map(|node| match node {
        Node::Call(call) => Some((
            call.depth,
            call.function.0,
            call.folded,
            call.entered.unwrap_or_default().0 / 1000,
        )),
        Node::Mark(_) | Node::Gap { .. } => None,
    });
    calls.collect()
}

#[test]
fn the_failing_path_leads_to_who_returned_the_error_first() {
    let filter = Filter {
        failed: Some(Failures::default()),
        extent: Extent::FailingPath,
        ..Filter::default()
    };
    // Through `capable`, which is false, the second time; the first one is folded.
    assert_eq!(
        left(&filter, refused()),
        [
            (0, 1, Some(2), 0),
            (1, 2, Some(3), 3),
            (2, 3, Some(0), 20),
            (3, 4, Some(0), 21),
            (4, 5, Some(0), 22)
        ]
    );
}

#[test]
fn a_callee_that_returned_another_error_or_ran_in_an_interrupt_is_not_on_the_path() {
    use EventKind::{Entry, Exit};
    let other = call(
        &[
            (0, Entry, 1, 0, 0),
            (1, Entry, 2, 1, 0),
            (2, Exit, 2, 1, 0xffff_fff5),
            (3, Exit, 1, 0, u64::MAX),
        ],
        End::Returned,
    );
    let mut interrupted = refused();
    for node in &mut interrupted.nodes {
        if let Node::Call(call) = node
            && call.depth > 0
        {
            call.context = Context::HardIrq;
        }
    }
    let filter = Filter {
        failed: Some(Failures::default()),
        extent: Extent::FailingPath,
        ..Filter::default()
    };
    assert_eq!(left(&filter, other), [(0, 1, Some(1), 0)]);
    assert_eq!(left(&filter, interrupted), [(0, 1, Some(9), 0)]);
}

#[test]
fn a_root_call_goes_through_what_it_calls() {
    let through = |name: &str| Filter {
        through: Names::new(&[name.to_owned()]),
        ..Filter::default()
    };
    let keeps = |filter: Filter| filter.apply(refused(), &of_permission()).is_some();
    assert!(keeps(through("cap_*")));
    assert!(!keeps(through("cap")));
    assert!(through("cap").is_active() && through("cap").needs_tree());
}

#[test]
fn a_line_is_hidden_and_its_callees_stay() {
    let filter = Filter {
        excluded: Names::new(&["*mount".to_owned(), "security_capable".to_owned()]),
        ..Filter::default()
    };
    let depths: Vec<_> = left(&filter, refused())
        .into_iter()
        .map(|(depth, function, ..)| (depth, function))
        .collect();
    // The root's line stays.
    assert_eq!(
        depths,
        [(0, 1), (1, 6), (1, 3), (2, 5), (1, 3), (2, 5), (1, 7)]
    );
}
