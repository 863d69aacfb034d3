//! The tables that the counting programs fill, mapped into tracer's own memory: reading them costs
//! the kernel nothing.
//!
//! Programs have their addresses: see [`memory`]. The table of open calls, which nobody reads,
//! begins at a page like the others, because frames are counted from it.

use std::{
    collections::BTreeMap,
    mem::offset_of,
    os::fd::{AsFd as _, BorrowedFd},
    sync::atomic::{AtomicU64, Ordering},
};

use aya::maps::{MapData, MapError};
use thiserror::Error;
use tracer_common::count::{
    ASK, BUCKETS, ERRORS, ErrorCount, LINEAR_BUCKETS, MAX_ROOTS, OPEN_PLACES, OpenCall, ROW_BYTES,
    Returned, Row, Switch,
    values::{MAX_PLACES, OTHERS, UNREADABLE, ZERO},
};

use crate::attach::{
    ObjectError,
    memory::{self, Mapped, Users},
};

/// Kernel memory that rows may take, bytes.
const MOST_BYTES: usize = 256 << 20;

/// Bytes of a page, as far as the sizes of maps go.
const PAGE_BYTES: usize = 1 << 16;

/// And where calls are told apart by a value: there are fewer values then, rather than more memory.
const MOST_BYTES_OF_VALUES: usize = 128 << 20;

/// Places for values of a root, at least.
const LEAST_PLACES: usize = 8;

/// There are too many roots for tables in the kernel.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
#[error("{roots} roots on {cpus} CPUs would take {} MiB of kernel memory", (.roots * .cpus * ROW_BYTES as usize) >> 20)]
pub struct TooLarge {
    roots: usize,
    cpus: usize,
}

/// By what the calls of a root are told apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Value {
    /// The value.
    Number(u64),
    /// One of those for which there was no place.
    Other,
    /// It could not be read.
    Unreadable,
}

/// What was counted of a root, on all CPUs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Counted {
    /// Time of all calls, ns.
    pub total: u64,
    /// Time of the shortest, ns; [`u64::MAX`] if there was none.
    pub shortest: u64,
    /// Time of the longest, ns.
    pub longest: u64,
    /// Calls that did not meet a condition.
    pub filtered_out: u64,
    /// Exits of which no entry was known.
    pub without_entry: u64,
    /// Entries that found no place in the table of open calls.
    pub no_place: u64,
    /// Entries, where they are counted.
    pub entered: u64,
    /// Entries whose exit never came, as the next one in its frame saw.
    pub without_exit: u64,
    /// How often which error was returned, by its positive number.
    pub errors: BTreeMap<u64, u64>,
    /// Errors for whose number there was no place.
    pub other_errors: u64,
    /// Equal buckets, as far as there are any.
    pub linear: [u64; LINEAR_BUCKETS],
    /// How many calls took how long, see `tracer_common::count`.
    pub buckets: Vec<u64>,
}

impl Default for Counted {
    fn default() -> Self {
        Self {
            total: 0,
            shortest: u64::MAX,
            longest: 0,
            filtered_out: 0,
            without_entry: 0,
            no_place: 0,
            without_exit: 0,
            entered: 0,
            errors: BTreeMap::new(),
            other_errors: 0,
            linear: [0; LINEAR_BUCKETS],
            buckets: vec![0; BUCKETS],
        }
    }
}

/// Rows and open calls.
pub struct Tables {
    /// How the return register of each root is read.
    returned: Vec<Returned>,
    cpus: usize,
    /// Places for values of each root; 0 if their calls are not told apart.
    places: usize,
    values: Mapped,
    /// Programs name it by its descriptor.
    values_map: MapData,
    rows: Mapped,
    /// Programs name it by its descriptor.
    rows_map: MapData,
    /// Programs name it by its descriptor; nobody reads it.
    open: MapData,
}

impl Tables {
    /// Whether there can be tables for so many roots.
    pub fn check(roots: usize, cpus: usize) -> Result<(), TooLarge> {
        let bytes = roots * cpus * ROW_BYTES as usize;
        if roots > MAX_ROOTS || bytes > MOST_BYTES {
            return Err(TooLarge { roots, cpus });
        }
        Ok(())
    }

    /// How many places for values each of so many roots gets, a power of two.
    pub fn places(roots: usize, cpus: usize) -> Result<usize, TooLarge> {
        let bytes = |places: usize| roots * cpus * places * ROW_BYTES as usize;
        let most = usize::try_from(MAX_PLACES).unwrap_or(LEAST_PLACES);
        let halves = std::iter::successors(Some(most), |places| Some(places / 2));
        halves
            .take_while(|places| *places >= LEAST_PLACES)
            .find(|places| roots <= MAX_ROOTS && bytes(*places) <= MOST_BYTES_OF_VALUES)
            .ok_or(TooLarge {
                roots: roots * LEAST_PLACES,
                cpus,
            })
    }

    /// Makes empty ones. `returned` says of each root how its return register is read, `places` how
    /// many places it has for values, see [`Self::places`]; 0 if its calls are not told apart.
    pub fn new(returned: &[Returned], cpus: usize, places: usize) -> Result<Self, ObjectError> {
        let roots = returned.len();
        let bytes = (1 + roots * places.max(1) * cpus) * ROW_BYTES as usize;
        let rows_map = array("tracer_rows", bytes)?;
        let value_bytes = (roots * places * size_of::<u64>()).next_multiple_of(PAGE_BYTES);
        let values_map = array("tracer_values", value_bytes.max(PAGE_BYTES))?;
        let mapped = |map: &MapData, bytes| Mapped::of(map, bytes).map_err(MapError::IoError);
        let tables = Self {
            returned: returned.to_vec(),
            cpus,
            places,
            values: mapped(&values_map, value_bytes.max(PAGE_BYTES))?,
            values_map,
            rows: mapped(&rows_map, bytes)?,
            rows_map,
            open: array("tracer_open", OPEN_PLACES * size_of::<OpenCall>())?,
        };
        for cpu in 0..cpus {
            for (root, returned) in returned.iter().enumerate() {
                for place in 0..places.max(1) {
                    let row = tables.row(root, place, cpu);
                    let set = |offset, value| {
                        let word = tables.rows.word(row + offset);
                        word.store(value, Ordering::Relaxed);
                    };
                    set(offset_of!(Row, shortest), u64::MAX);
                    set(offset_of!(Row, returned), returned.0);
                }
            }
        }
        Ok(tables)
    }

    /// How many roots there are.
    pub fn roots(&self) -> usize {
        self.returned.len()
    }

    /// How the return register of the root with this number is read, or `ASK` if it is `ASK`.
    pub(super) fn returned(&self, root: u64) -> u64 {
        let place = usize::try_from(root).unwrap_or(usize::MAX);
        self.returned.get(place).map_or(ASK, |returned| returned.0)
    }

    /// How many places for values each root has; 0 if their calls are not told apart.
    pub const fn places_of_root(&self) -> usize {
        self.places
    }

    /// How many rows each CPU has.
    pub fn rows_of_cpu(&self) -> usize {
        self.roots() * self.places.max(1)
    }

    /// How many rows there are.
    pub fn rows(&self) -> usize {
        self.rows_of_cpu() * self.cpus
    }

    pub(super) fn values_map(&self) -> BorrowedFd<'_> {
        self.values_map.fd().as_fd()
    }

    pub(super) fn rows_map(&self) -> BorrowedFd<'_> {
        self.rows_map.fd().as_fd()
    }

    pub(super) fn open_map(&self) -> BorrowedFd<'_> {
        self.open.fd().as_fd()
    }

    /// Calls that begin from now on are counted.
    pub fn arm(&self) {
        self.armed().store(1, Ordering::Release);
    }

    /// No call that begins from now on is counted.
    pub fn disarm(&self) {
        self.armed().store(0, Ordering::Release);
    }

    fn armed(&self) -> &AtomicU64 {
        self.rows.word(offset_of!(Switch, armed))
    }

    /// How many calls were counted, if their number is limited; it may be more than the limit.
    pub fn taken(&self) -> u64 {
        self.rows
            .word(offset_of!(Switch, taken))
            .load(Ordering::Relaxed)
    }

    /// Where a row begins, see `row` in tracer-ebpf/src/programs/count.
    fn row(&self, root: usize, place: usize, cpu: usize) -> usize {
        let row = root * self.places.max(1) + place;
        (1 + cpu * self.rows_of_cpu() + row) * ROW_BYTES as usize
    }

    /// What was counted of a root up to now. A call that is just being added may be in some of the
    /// numbers only.
    pub fn counted(&self, root: usize) -> Counted {
        let mut sum = Counted::default();
        for place in 0..self.places.max(1) {
            self.add_place(&mut sum, root, place);
        }
        sum
    }

    /// The same for each value that its calls had.
    pub fn by_value(&self, root: usize) -> Vec<(Value, Counted)> {
        let counted = |place| {
            let value = self.value(root, place)?;
            let mut sum = Counted::default();
            self.add_place(&mut sum, root, place);
            Some((value, sum))
        };
        (0..self.places).filter_map(counted).collect()
    }

    /// What a place is for; none if nobody took it.
    fn value(&self, root: usize, place: usize) -> Option<Value> {
        match place as u64 {
            ZERO => Some(Value::Number(0)),
            OTHERS => Some(Value::Other),
            UNREADABLE => Some(Value::Unreadable),
            _ => {
                let word = (root * self.places + place) * size_of::<u64>();
                let value = self.values.word(word).load(Ordering::Relaxed);
                (value != 0).then_some(Value::Number(value))
            }
        }
    }

    fn add_place(&self, sum: &mut Counted, root: usize, place: usize) {
        for cpu in 0..self.cpus {
            self.add(sum, self.row(root, place, cpu));
        }
    }

    fn add(&self, sum: &mut Counted, row: usize) {
        let word = |offset| self.rows.word(row + offset).load(Ordering::Relaxed);
        sum.total = sum.total.saturating_add(word(offset_of!(Row, total)));
        sum.shortest = sum.shortest.min(word(offset_of!(Row, shortest)));
        sum.longest = sum.longest.max(word(offset_of!(Row, longest)));
        sum.filtered_out += word(offset_of!(Row, filtered_out));
        sum.without_entry += word(offset_of!(Row, without_entry));
        sum.no_place += word(offset_of!(Row, no_place));
        sum.without_exit += word(offset_of!(Row, without_exit));
        sum.entered += word(offset_of!(Row, entered));
        sum.other_errors += word(offset_of!(Row, other_errors));
        for place in 0..ERRORS {
            let place = offset_of!(Row, errors) + place * size_of::<ErrorCount>();
            let count = word(place + offset_of!(ErrorCount, count));
            if count > 0 {
                let error = word(place + offset_of!(ErrorCount, error));
                *sum.errors.entry(error).or_default() += count;
            }
        }
        for (place, bucket) in sum.linear.iter_mut().enumerate() {
            *bucket += word(offset_of!(Row, linear) + place * size_of::<u64>());
        }
        for (place, bucket) in sum.buckets.iter_mut().enumerate() {
            *bucket += word(offset_of!(Row, buckets) + place * size_of::<u64>());
        }
    }
}

/// `bytes` is a multiple of a page's.
fn array(name: &str, bytes: usize) -> Result<MapData, MapError> {
    let bytes = u32::try_from(bytes).unwrap_or(u32::MAX);
    memory::make(name, bytes, Users::Userspace)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn many_roots_and_cpus_have_places_for_fewer_values() {
        assert_eq!(Tables::places(1, 2), Ok(256));
        assert_eq!(Tables::places(1, 64), Ok(128));
        assert_eq!(Tables::places(8, 64), Ok(16));
        assert!(Tables::places(64, 64).is_err());
    }
}
