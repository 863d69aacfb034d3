//! Roots in numbers and in pictures.

use tracer_common::count::{BUCKETS, bucket_of};

use super::*;

const LINEAR: Linear = Linear {
    from_ns: 1_000,
    width_ns: 500,
    last: 4,
};

fn root(look: Look) -> Root {
    let mut root = Root::new(look.unit);
    for duration in [500, 1500, 1600, 9000] {
        let error = (duration == 9000).then_some("EAGAIN");
        root.add(duration, error, look.linear);
    }
    root
}

fn written(look: Look) -> String {
    let (first, second) = (root(look), Root::new(look.unit));
    let roots = [("vfs_read".to_owned(), &first), ("f".to_owned(), &second)];
    let mut out = Vec::new();
    write(&roots, look, &mut out).unwrap();
    String::from_utf8(out).unwrap()
}

#[test]
fn buckets_that_double() {
    insta::assert_snapshot!(written(Look::default()));
}

#[test]
fn nanoseconds_without_empty_buckets() {
    insta::assert_snapshot!(written(Look {
        unit: Unit::Nanoseconds,
        empty: Empty::Hidden,
        ..Look::default()
    }));
}

#[test]
fn equal_buckets_side_by_side() {
    insta::assert_snapshot!(written(Look {
        linear: Some(LINEAR),
        roots: Arrangement::SideBySide,
        ..Look::default()
    }));
}

#[test]
fn what_the_kernel_counts_is_written_the_same() {
    let look = Look::default();
    let mut buckets = vec![0; BUCKETS];
    for ns in [500, 1500, 1600, 9000] {
        let bucket = bucket_of(look.unit.of(ns));
        buckets[usize::try_from(bucket).unwrap()] += 1;
    }
    let counted = Root::of(Parts {
        total: 12_600,
        shortest: 500,
        longest: 9_000,
        times: Histogram::of(look.unit, buckets),
        // 600 has no name.
        errors: [(11, 1), (600, 2)].into(),
        other_errors: 0,
        linear: [0; LINEAR_BUCKETS],
    });
    assert_eq!(counted.numbers(look.unit), root(look).numbers(look.unit));
    assert_eq!(counted.times, root(look).times);
}
