//! Which traces the kernel can count, by which mechanism, and what it is told.

use thiserror::Error;
use tracer_common::count::Returned;

use super::Counting;
use crate::{
    attach::{
        count::{Conditions, Tables, TooLarge},
        decide::{Decide, Range},
    },
    exit_code::{Exit, HasExit},
    filter::{
        Failures, Filter, Returns,
        returns::{Comparison, Operand},
    },
    kernel::{Kernel, Mechanism},
    model::{SleepTime, ValueType},
    plan::{self, Planned},
    session::{Options, Outputs, prepared::Prepared},
    summary::LatencyLayout,
    values::number,
};

/// Roots that are attached one by one where that makes a call cheaper.
const FEW: usize = 8;

/// Why calls are streamed to tracer.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
pub enum Streamed {
    /// A call's callers are not known in the kernel.
    #[error("what -g excludes is known only with all that runs around it")]
    Excluded,
    /// Nor is the time off the CPU.
    #[error("nosleep-time needs the times of the task off the CPU")]
    SleepTime,
    /// Every outermost function is a root.
    #[error("every function may be the outermost")]
    Everything,
    /// The roots come with a module.
    #[error("the roots are not there yet")]
    NotLoaded,
    /// Somebody wants each call.
    #[error("--otlp takes each call")]
    Watched,
    /// The condition is not the same for all roots.
    #[error("the kernel side cannot decide this --returns of these roots")]
    Returns,
    /// Only some failures count.
    #[error("the kernel side does not tell one --failed from another")]
    Failures,
    /// A condition names fields.
    #[error("--where, its short forms and --where-exit are decided where calls are streamed")]
    Condition,
    /// There are too many roots.
    #[error(transparent)]
    TooLarge(#[from] TooLarge),
}

/// Calls are to be told apart, and cannot be counted where that is done.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
#[error("--by counts in the kernel, and these calls cannot be counted there: {0}")]
pub struct NotCounted(pub Streamed);

impl HasExit for NotCounted {
    fn exit(&self) -> Option<Exit> {
        Some(Exit::Usage)
    }
}

/// How the kernel counts this trace.
pub fn counting(
    options: &Options,
    layout: LatencyLayout,
    outputs: &Outputs,
    prepared: &Prepared,
) -> Result<Counting, Streamed> {
    let show = &options.show;
    let (kernel, roots) = (&prepared.kernel, &prepared.plan.roots);
    if !prepared.plan.excluded.is_empty() {
        return Err(Streamed::Excluded);
    }
    if show.text.sleep == SleepTime::Excluded {
        return Err(Streamed::SleepTime);
    }
    if !options.asked.is_empty() || show.filter.has_conditions() {
        return Err(Streamed::Condition);
    }
    if options.is_everything() {
        return Err(Streamed::Everything);
    }
    if roots.is_empty() {
        return Err(Streamed::NotLoaded);
    }
    if outputs.export.collector.is_some() {
        return Err(Streamed::Watched);
    }
    let failed = show.filter.failed.as_ref();
    if failed.is_some_and(|failures| !failures.are_all_errors()) {
        return Err(Streamed::Failures);
    }
    let cpus = kernel.possible_cpus as usize;
    Tables::check(roots.len(), cpus)?;
    let places = match &prepared.by {
        Some(_) => Tables::places(roots.len(), cpus)?,
        None => 0,
    };
    let types: Vec<Option<ValueType>> = roots.iter().map(|root| returns(kernel, root)).collect();
    let range = match show.filter.returns {
        None => None,
        Some(returns) => Some(range(returns, &types).ok_or(Streamed::Returns)?),
    };
    Ok(Counting {
        conditions: Conditions {
            at_least_ns: at_least(&show.filter),
            failed: failed.is_some(),
            returned: range,
            limit: show.count,
            unit: layout.unit,
            linear: layout.linear,
        },
        returned: types.iter().map(|kind| returned(kind.as_ref())).collect(),
        places,
        layout,
    })
}

/// What a root call must have taken to be shown, ns.
fn at_least(filter: &Filter) -> u64 {
    let longer = filter
        .slower_than
        .map_or(0, |time| time.0.saturating_add(1));
    let least = filter.threshold.map_or(0, |time| time.0);
    longer.max(least)
}

/// What the kernel side can decide of each root call of this trace; none if all are streamed: they
/// meet no condition that it knows, somebody wants them all, or the roots differ in how their
/// values are read. All conditions must hold, so one that it does not know is left to the filter.
pub fn decide(
    options: &Options,
    outputs: &Outputs,
    kernel: &Kernel,
    roots: &[Planned],
) -> Option<Decide> {
    let filter = &options.show.filter;
    let is_for_one = outputs.recording.is_none() && outputs.view.is_none();
    if !is_for_one || outputs.export.takes_calls() {
        return None;
    }
    let types: Vec<Option<ValueType>> = roots.iter().map(|root| returns(kernel, root)).collect();
    let mut reads = types.iter().map(|kind| returned(kind.as_ref()));
    let first = reads.next()?;
    // What a module brings may read otherwise.
    let may_grow = options.roots.iter().any(|typed| plan::may_come(typed));
    let is_same = !may_grow && reads.all(|other| other == first);
    let failed = filter.failed.as_ref();
    let decide = Decide {
        at_least_ns: at_least(filter),
        failed: is_same && failed.is_some_and(Failures::are_all_errors),
        returned: filter
            .returns
            .filter(|_| is_same)
            .and_then(|returns| range(returns, &types)),
        reads: first,
    };
    let is_any = decide.at_least_ns > 0 || decide.failed || decide.returned.is_some();
    is_any.then_some(decide)
}

fn returns(kernel: &Kernel, root: &Planned) -> Option<ValueType> {
    let function = kernel.symbols.function_at(root.address)?;
    Some(kernel.prototype(&function)?.returns)
}

/// How the kernel side reads a return register of this type, as `values::number` and
/// `filter::outcome` do.
fn returned(kind: Option<&ValueType>) -> Returned {
    match kind {
        Some(ValueType::Void) => Returned::NOTHING,
        Some(ValueType::Bool) => Returned::number(1, false),
        Some(ValueType::Signed { bytes }) => sized(*bytes, true).or_error(),
        Some(ValueType::Unsigned { bytes }) => sized(*bytes, false),
        Some(ValueType::Enum { bytes, signed, .. }) => sized(*bytes, *signed),
        Some(ValueType::Pointer) => Returned::number(8, true).or_error(),
        Some(ValueType::Aggregate { .. } | ValueType::Record(_)) | None => {
            Returned::number(8, false)
        }
    }
}

fn sized(bytes: u32, signed: bool) -> Returned {
    Returned::number(bytes.clamp(1, 8), signed)
}

/// The condition as one range of numbers that serves all roots that return something; none if there
/// is no such range.
fn range(returns: Returns, types: &[Option<ValueType>]) -> Option<Range> {
    let mut ranges = types
        .iter()
        .filter(|kind| **kind != Some(ValueType::Void))
        .map(|kind| range_of(returns, kind.as_ref()));
    let first = ranges.next()??;
    ranges.all(|other| other == Some(first)).then_some(first)
}

fn range_of(returns: Returns, kind: Option<&ValueType>) -> Option<Range> {
    let operand = match returns.operand {
        Operand::Number(number) => number,
        Operand::Bits(bits) => number::of_bits(kind, bits),
    };
    let is_small = match kind {
        Some(ValueType::Signed { .. } | ValueType::Bool) => true,
        Some(ValueType::Unsigned { bytes }) => *bytes < 8,
        Some(ValueType::Enum { bytes, signed, .. }) => *signed || *bytes < 8,
        Some(
            ValueType::Pointer
            | ValueType::Aggregate { .. }
            | ValueType::Record(_)
            | ValueType::Void,
        )
        | None => false,
    };
    let exactly = matches!(returns.comparison, Comparison::Equal | Comparison::NotEqual);
    let is_pointer = kind == Some(&ValueType::Pointer);
    if !(is_small || is_pointer && exactly) {
        return None;
    }
    // Addresses above the middle are negative there.
    let operand = match i64::try_from(operand) {
        Ok(operand) => operand,
        Err(_) if is_pointer => u64::try_from(operand).ok()?.cast_signed(),
        Err(_) => return None,
    };
    let range = |lowest, highest, inside| Range {
        lowest,
        highest,
        inside,
    };
    Some(match returns.comparison {
        Comparison::Equal => range(operand, operand, true),
        Comparison::NotEqual => range(operand, operand, false),
        Comparison::GreaterOrEqual => range(operand, i64::MAX, true),
        Comparison::Less => range(operand, i64::MAX, false),
        Comparison::LessOrEqual => range(i64::MIN, operand, true),
        Comparison::Greater => range(i64::MIN, operand, false),
    })
}

/// The mechanism: the user's, or the one that loses nothing. By pairs a call costs half as much as
/// by an fprobe, but where the kernel can be preempted, a task may wait in the middle of a pair's
/// program, and meanwhile all others on its CPU are skipped.
pub fn mechanism(options: &Options, prepared: &Prepared) -> Mechanism {
    if let Some(mechanism) = options.mechanism {
        return mechanism;
    }
    match prepared.mechanisms.by_address() {
        Some(mechanism) if !is_for_pairs(prepared) => mechanism,
        Some(_) => Mechanism::Pair,
        None => prepared.mechanism,
    }
}

fn is_for_pairs(prepared: &Prepared) -> bool {
    prepared.plan.roots.len() <= FEW && !prepared.kernel.can_be_preempted()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn types() -> impl Strategy<Value = Option<ValueType>> {
        prop_oneof![
            Just(Some(ValueType::Bool)),
            Just(Some(ValueType::Pointer)),
            Just(None),
            prop_oneof![Just(1), Just(2), Just(4), Just(8)]
                .prop_map(|bytes| Some(ValueType::Signed { bytes })),
            prop_oneof![Just(1), Just(2), Just(4), Just(8)]
                .prop_map(|bytes| Some(ValueType::Unsigned { bytes })),
        ]
    }

    proptest! {
        /// The kernel side decides as the filter does, wherever it decides.
        #[test]
        fn a_range_is_the_condition(
            kind in types(),
            comparison in prop_oneof!["=", "!=", "<", "<=", ">", ">="],
            operand in prop_oneof!["[0-9]", "-[0-9]", "-EAGAIN", "0xfffffff5", "0x[0-9a-f]{1,16}"],
            register in prop_oneof![
                0_u64..12, Just(0xffff_fff5), Just((-11_i64).cast_unsigned()), any::<u64>()
            ],
        ) {
            let returns: Returns = format!("{comparison}{operand}").parse().unwrap();
            // A bool that is neither is no bool.
            let register = if kind == Some(ValueType::Bool) { register & 1 } else { register };
            if let Some(range) = range(returns, std::slice::from_ref(&kind)) {
                let returned = returned(kind.as_ref());
                let value = returned.value(register);
                let inside = (range.lowest..=range.highest).contains(&value);
                let decided = returned.has_value() && inside == range.inside;
                prop_assert_eq!(decided, returns.matches(kind.as_ref(), register));
            }
        }

        #[test]
        fn an_error_is_the_filters(kind in types(), register in prop_oneof![
            (-5000_i64..10).prop_map(i64::cast_unsigned), any::<u64>()
        ]) {
            let returned = returned(kind.as_ref());
            let failed = returned.error(returned.value(register)) != 0;
            prop_assert_eq!(failed, crate::filter::outcome::has_failed(kind.as_ref(), register));
        }
    }

    #[test]
    fn roots_of_different_types_may_share_a_condition() {
        let int = Some(ValueType::Signed { bytes: 4 });
        let long = Some(ValueType::Signed { bytes: 8 });
        let unsigned = Some(ValueType::Unsigned { bytes: 8 });
        let of = |text: &str, types: &[Option<ValueType>]| range(text.parse().unwrap(), types);
        assert!(of("<0", &[int.clone(), Some(ValueType::Void), long.clone()]).is_some());
        assert!(of("<0", &[int.clone(), unsigned]).is_none());
        // The same bits are two numbers.
        assert!(of("=0xfffffff5", &[int, long]).is_none());
    }
}
