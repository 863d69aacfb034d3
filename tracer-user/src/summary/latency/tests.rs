//! Roots in numbers and in pictures.

use tracer_common::count::{BUCKETS, bucket_of};

use super::*;

const LINEAR: Linear = Linear {
    from_ns: 1_000,
    width_ns: 500,
    last: 4,
};

fn root(layout: LatencyLayout) -> Root {
    let mut root = Root::new(layout.unit);
    for duration in [500, 1500, 1600, 9000] {
        let error = (duration == 9000).then_some("EAGAIN");
        root.add(duration, error, layout.linear);
    }
    root
}

fn written(layout: LatencyLayout) -> String {
    let (first, second) = (root(layout), Root::new(layout.unit));
    let roots = [("vfs_read".to_owned(), &first), ("f".to_owned(), &second)];
    let mut out = Vec::new();
    write(&roots, layout, &mut out).unwrap();
    String::from_utf8(out).unwrap()
}

#[test]
fn buckets_that_double() {
    insta::assert_snapshot!(written(LatencyLayout::default()));
}

#[test]
fn nanoseconds_without_empty_buckets() {
    insta::assert_snapshot!(written(LatencyLayout {
        unit: Unit::Nanoseconds,
        empty: Empty::Hidden,
        ..LatencyLayout::default()
    }));
}

#[test]
fn equal_buckets_side_by_side() {
    insta::assert_snapshot!(written(LatencyLayout {
        linear: Some(LINEAR),
        roots: Arrangement::SideBySide,
        ..LatencyLayout::default()
    }));
}

#[test]
fn a_row_for_each_value() {
    let layout = LatencyLayout::default();
    let of = |durations: &[u64]| {
        let mut root = Root::new(layout.unit);
        for &duration in durations {
            root.add(duration, None, None);
        }
        root
    };
    let rows = vec![
        (RowValue::Unreadable, of(&[900_000])),
        (RowValue::Others, of(&[7_000, 8_000])),
        (RowValue::Known("80".to_owned()), of(&[500, 1_500])),
        (RowValue::Known("443".to_owned()), of(&[20_000])),
        (RowValue::Known("0".to_owned()), of(&[])),
    ];
    let all = of(&[900_000, 7_000, 8_000, 500, 1_500, 20_000]);
    let mut out = Vec::new();
    write_by_value(("tcp_sendmsg", &all), "sk.dport", rows, layout, &mut out).unwrap();
    insta::assert_snapshot!(String::from_utf8(out).unwrap());
}

#[test]
fn what_the_kernel_counts_is_written_the_same() {
    let layout = LatencyLayout::default();
    let mut buckets = vec![0; BUCKETS];
    for ns in [500, 1500, 1600, 9000] {
        let bucket = bucket_of(layout.unit.of(ns));
        buckets[usize::try_from(bucket).unwrap()] += 1;
    }
    let counted = Root::of(Parts {
        total: 12_600,
        shortest: 500,
        longest: 9_000,
        times: Histogram::of(layout.unit, buckets),
        // 600 has no name.
        errors: [(11, 1), (600, 2)].into(),
        other_errors: 0,
        linear: [0; LINEAR_BUCKETS],
    });
    assert_eq!(
        counted.numbers(layout.unit),
        root(layout).numbers(layout.unit)
    );
    assert_eq!(counted.times, root(layout).times);
}
