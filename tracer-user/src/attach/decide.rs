//! Conditions by which the kernel side drops root calls (tracer-ebpf/src/root/decide.rs): constants
//! in the programs' text.

use tracer_common::{
    count::{Returned, placeholder as count},
    placeholder,
};

use crate::bpf::variables;

/// A condition on a return value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Range {
    /// The first number.
    pub lowest: i64,
    /// The last one.
    pub highest: i64,
    /// Whether it is met by the numbers from the first to the last, or by all others.
    pub inside: bool,
}

/// Which root calls are streamed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Decide {
    /// Those that took at least this, ns.
    pub at_least_ns: u64,
    /// Those that failed.
    pub failed: bool,
    /// Those that returned such a number.
    pub returned: Option<Range>,
    /// How the return register of every root is read.
    pub reads: Returned,
}

/// Makes the conditions known to the programs; none if all root calls are streamed.
pub(super) fn put(object: &mut variables::Object, decide: Option<Decide>) {
    object.put_number(placeholder::DECIDE, u64::from(decide.is_some()));
    let Some(decide) = decide else {
        return;
    };
    object.put_number(count::RETURNED, decide.reads.0);
    for (number, meant) in numbers(decide.at_least_ns, decide.failed, decide.returned) {
        object.put_number(number, meant);
    }
}

/// What stands for the conditions, and what is meant.
pub(super) fn numbers(at_least_ns: u64, failed: bool, range: Option<Range>) -> [(u64, u64); 5] {
    let lies = range.map_or(0, |range| if range.inside { 1 } else { 2 });
    let [lowest, highest] = range.map_or([0; 2], |range| [range.lowest, range.highest]);
    [
        (count::AT_LEAST, at_least_ns),
        (count::FAILED, u64::from(failed)),
        (count::RANGE, lies),
        (count::LOWEST, lowest.cast_unsigned()),
        (count::HIGHEST, highest.cast_unsigned()),
    ]
}
