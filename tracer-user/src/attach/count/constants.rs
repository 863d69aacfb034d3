//! Settings of the programs that count: constants in their text, see
//! `tracer_common::count::placeholder`.

use aya_obj::generated::bpf_insn;
use tracer_common::{
    count::{Unit, placeholder},
    placeholder::{COUNTS_BY_FIELD, FIELDS},
};

use super::{Conditions, Tables};
use crate::attach::{
    decide,
    put::{put_memory, put_number},
};

/// Puts in what a program needs to know; `root` is the number of its root, or `ASK`.
pub(super) fn put(
    instructions: &mut [bpf_insn],
    tables: &Tables,
    conditions: &Conditions,
    root: u64,
) {
    let Conditions {
        at_least_ns,
        failed,
        returned,
        limit,
        unit,
        linear,
    } = *conditions;
    let numbers = [
        (placeholder::ROOTS, tables.rows_of_cpu() as u64),
        (placeholder::ROW_COUNT, tables.rows() as u64),
        (placeholder::PLACES, tables.places_of_root() as u64),
        (FIELDS, heeds(tables)),
        (placeholder::ROOT, root),
        (placeholder::RETURNED, tables.returned(root)),
        (placeholder::LIMIT, limit.unwrap_or(0)),
        (
            placeholder::NANOSECONDS,
            u64::from(unit == Unit::Nanoseconds),
        ),
        (
            placeholder::LINEAR_WIDTH,
            linear.map_or(0, |linear| linear.width_ns),
        ),
        (
            placeholder::LINEAR_FROM,
            linear.map_or(0, |linear| linear.from_ns),
        ),
        (
            placeholder::LINEAR_LAST,
            linear.map_or(0, |linear| linear.last),
        ),
    ];
    let conditions = decide::numbers(at_least_ns, failed, returned);
    for (number, meant) in numbers.into_iter().chain(conditions) {
        put_number(instructions, number, meant);
    }
    put_memory(instructions, placeholder::ROWS, tables.rows_map());
    put_memory(instructions, placeholder::VALUES, tables.values_map());
    put_memory(instructions, placeholder::OPEN, tables.open_map());
}

/// What of the tables of fields the programs heed.
pub(super) const fn heeds(tables: &Tables) -> u64 {
    match tables.places_of_root() {
        0 => 0,
        _ => COUNTS_BY_FIELD,
    }
}
