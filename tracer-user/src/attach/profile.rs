//! The tables of functions that the kernel counts (tracer-ebpf/src/call/profile), mapped into
//! tracer's own memory: reading them costs the kernel nothing.

use std::{collections::BTreeMap, mem::offset_of, os::fd::AsFd as _, sync::atomic::Ordering};

use aya::maps::{MapData, MapError};
use thiserror::Error;
use tracer_common::{
    Context,
    generation::SIDES,
    placeholder,
    profile::{
        By, CELL_SHIFT, CELLS, Cell, Counts, MOST_CPUS, NO_FUNCTION, ROW_SHIFT, ROWS, Row, Sums,
        cell_of, functions_of,
    },
};

use super::memory::{self, Mapped, Users};
use crate::bpf::variables;

/// There are too many CPUs for tables of each in the kernel.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
#[error("tables for {0} CPUs would take too much kernel memory, which is there for {MOST_CPUS}")]
pub struct TooManyCpus(usize);

/// What was counted of a function, or of one that the same function called, on all CPUs.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Counted {
    /// Calls.
    pub calls: u64,
    /// Time of all calls, ns.
    pub total: u64,
    /// The same without that of the calls below, ns.
    pub own: u64,
    /// Time of the shortest, ns; none if there was no call.
    pub shortest: Option<u64>,
    /// Time of the longest, ns.
    pub longest: u64,
    /// How many calls took how long, by `tracer_common::count::bucket_of` in ns. Those for which
    /// there was no room are missing.
    pub buckets: BTreeMap<u64, u64>,
    /// How often which register was returned that looks like an error, as far as it is known.
    pub errors: BTreeMap<u64, u64>,
    /// Whether a task ran it first, and no interrupt.
    pub is_of_task: bool,
}

/// A function, and who called it: 0 if that is not told apart, or nobody did.
pub type Function = (u32, u32);

/// What cannot be counted of each function, and how many root calls there were.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Totals {
    /// Root calls that returned, by the side of their generation.
    pub root_calls: [u64; SIDES],
    /// Calls for which the tables had no row.
    pub without_row: u64,
    /// Calls and errors that are in a row's sums, and for which there was no cell.
    pub without_cell: u64,
    /// Calls whose exit did not come.
    pub without_exit: u64,
    /// Exits of which no entry was known.
    pub without_entry: u64,
    /// Calls that lay deeper than open calls are kept.
    pub too_deep: u64,
}

/// Rows and cells of all CPUs.
pub struct Profile {
    cpus: usize,
    rows: Mapped,
    cells: Mapped,
    /// Programs name them by their descriptors.
    _maps: [MapData; 2],
}

impl Profile {
    /// Whether there can be tables.
    pub const fn check(cpus: usize) -> Result<(), TooManyCpus> {
        if cpus > MOST_CPUS {
            return Err(TooManyCpus(cpus));
        }
        Ok(())
    }

    /// Nothing is counted in the kernel.
    pub(super) fn put_none(object: &mut variables::Object) {
        object.put_number(placeholder::PROFILE, 0);
        object.put_compared(placeholder::PROFILE_CALLS, i32::MAX.cast_unsigned());
    }

    /// Makes empty tables, and makes them known to the programs.
    pub(super) fn put(
        object: &mut variables::Object,
        by: By,
        cpus: usize,
    ) -> Result<Self, MapError> {
        // The programs mask a place.
        let of_all = |each: u64| each * cpus.next_power_of_two() as u64;
        let make = |name, each, shift| -> Result<(MapData, Mapped), MapError> {
            let bytes = of_all(each) << shift;
            let map = memory::make(
                name,
                u32::try_from(bytes).unwrap_or(u32::MAX),
                Users::Userspace,
            )?;
            let bytes = usize::try_from(bytes).unwrap_or(usize::MAX);
            let mapped = Mapped::of(&map, bytes).map_err(MapError::IoError)?;
            Ok((map, mapped))
        };
        let (rows_map, rows) = make("tracer_profile", ROWS, ROW_SHIFT)?;
        let (cells_map, cells) = make("tracer_cells", CELLS, CELL_SHIFT)?;
        object.put_number(placeholder::PROFILE, by as u64);
        object.put_compared(placeholder::PROFILE_CALLS, 0);
        object.put_memory(placeholder::PROFILE_ROWS, rows_map.fd().as_fd());
        object.put_number(placeholder::PROFILE_ROW_MASK, of_all(ROWS) - 1);
        object.put_memory(placeholder::PROFILE_CELLS, cells_map.fd().as_fd());
        object.put_number(placeholder::PROFILE_CELL_MASK, of_all(CELLS) - 1);
        for cpu in 0..cpus {
            let key = rows.word(row(cpu, 0) + offset_of!(Sums, key));
            key.store(NO_FUNCTION, Ordering::Relaxed);
        }
        Ok(Self {
            cpus,
            rows,
            cells,
            _maps: [rows_map, cells_map],
        })
    }

    /// What was counted up to now. A call that is just being added may be in some of the numbers
    /// only.
    pub fn counted(&self) -> BTreeMap<Function, Counted> {
        let mut all = BTreeMap::new();
        for cpu in 0..self.cpus {
            let mut keys = vec![None; PLACES];
            for (place, key) in keys.iter_mut().enumerate().skip(1) {
                *key = self.add_row(row(cpu, place), &mut all);
            }
            for place in 0..CELLS {
                self.add_cell(cell(cpu, place), &keys, &mut all);
            }
        }
        all
    }

    fn add_row(&self, row: usize, all: &mut BTreeMap<Function, Counted>) -> Option<Function> {
        let word = |offset| self.rows.word(row + offset).load(Ordering::Relaxed);
        let key = word(offset_of!(Row, key));
        if key == 0 {
            return None;
        }
        let function = functions_of(key);
        let sum = all.entry(function).or_default();
        sum.calls += word(offset_of!(Row, without_cell));
        sum.total = sum.total.saturating_add(word(offset_of!(Row, total)));
        sum.own = sum.own.saturating_add(word(offset_of!(Row, own)));
        sum.longest = sum.longest.max(word(offset_of!(Row, longest)));
        let shortest = word(offset_of!(Row, shortest));
        if shortest != 0 {
            sum.shortest = Some(sum.shortest.unwrap_or(u64::MAX).min(!shortest));
        }
        sum.is_of_task |= word(offset_of!(Row, context)) == Context::Task as u64;
        Some(function)
    }

    fn add_cell(
        &self,
        cell: usize,
        keys: &[Option<Function>],
        all: &mut BTreeMap<Function, Counted>,
    ) {
        let word = |offset| self.cells.word(cell + offset).load(Ordering::Relaxed);
        let key = word(offset_of!(Cell, key));
        if key == 0 {
            return;
        }
        let (row, counts) = cell_of(key);
        let place = usize::try_from(row).unwrap_or(usize::MAX);
        let function = keys.get(place).copied().flatten();
        let Some(sum) = function.and_then(|function| all.get_mut(&function)) else {
            // Its row was claimed after the rows were read.
            return;
        };
        let calls = word(offset_of!(Cell, count));
        match counts {
            Counts::Time(bucket) => {
                sum.calls += calls;
                *sum.buckets.entry(bucket).or_default() += calls;
            }
            Counts::Error(register) => *sum.errors.entry(register).or_default() += calls,
        }
    }

    /// Sums over all CPUs.
    pub fn totals(&self) -> Totals {
        let mut all = Totals::default();
        for cpu in 0..self.cpus {
            let sums = row(cpu, 0);
            let word = |offset| self.rows.word(sums + offset).load(Ordering::Relaxed);
            for (side, calls) in all.root_calls.iter_mut().enumerate() {
                let offset = offset_of!(Sums, root_calls) + side * size_of::<u64>();
                *calls += word(offset);
            }
            all.without_row += word(offset_of!(Sums, without_row));
            all.without_cell += word(offset_of!(Sums, without_cell));
            all.without_exit += word(offset_of!(Sums, without_exit));
            all.without_entry += word(offset_of!(Sums, without_entry));
            all.too_deep += word(offset_of!(Sums, too_deep));
            let row_words = (1..PLACES).map(|place| row(cpu, place));
            all.without_cell += row_words
                .map(|row| {
                    let word = self.rows.word(row + offset_of!(Row, without_cell));
                    word.load(Ordering::Relaxed)
                })
                .sum::<u64>();
        }
        all
    }
}

/// Rows of a CPU.
#[allow(clippy::cast_possible_truncation, reason = "thousands")]
const PLACES: usize = ROWS as usize;

/// Where a row begins.
const fn row(cpu: usize, place: usize) -> usize {
    (cpu * PLACES + place) << ROW_SHIFT
}

/// Where a cell begins.
#[allow(clippy::cast_possible_truncation, reason = "64 bits")]
const fn cell(cpu: usize, place: u64) -> usize {
    (cpu * CELLS as usize + place as usize) << CELL_SHIFT
}
