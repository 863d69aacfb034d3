//! The tables of functions and of their durations and errors: a row or a cell is found by its key,
//! or a free one is taken for it.

use core::{hint::cold_path, ptr};

use tracer_common::{
    placeholder,
    profile::{CELL_SHIFT, CELLS, Cell, ROW_SHIFT, ROWS, Row, TRIES, hash},
};

use crate::{atomic, maps::meant, probe::context};

/// Raises a number that others raise, too.
#[inline(never)]
pub fn raise(cell: *mut u64, to: u64) {
    const ATTEMPTS: u32 = 8;
    for _ in 0..ATTEMPTS {
        // SAFETY: the caller's cell in a map.
        unsafe {
            let there = ptr::read_volatile(cell);
            if to <= there || atomic::compare_exchange(cell, there, to) {
                return;
            }
        }
    }
}

/// What a table consists of.
pub trait Element: Sized {
    /// How many there are of each CPU, a power of two.
    const COUNT: u64;

    /// The one of that place of that CPU.
    fn at(cpu: u64, place: u64) -> *mut Self;

    /// Its key.
    unsafe fn key(this: *mut Self) -> *mut u64;

    /// It has just been claimed.
    unsafe fn begin(this: *mut Self);
}

impl Element for Row {
    const COUNT: u64 = ROWS;

    #[inline(always)]
    fn at(cpu: u64, place: u64) -> *mut Self {
        let number = (cpu * ROWS + place) & meant::<{ placeholder::PROFILE_ROW_MASK }>();
        (meant::<{ placeholder::PROFILE_ROWS }>() as *mut u8)
            .wrapping_add((number << ROW_SHIFT) as usize)
            .cast()
    }

    #[inline(always)]
    unsafe fn key(this: *mut Self) -> *mut u64 {
        // SAFETY: the caller's row.
        unsafe { &raw mut (*this).key }
    }

    #[inline(always)]
    unsafe fn begin(this: *mut Self) {
        // SAFETY: the caller's row.
        unsafe { (*this).context = u64::from(context::current()) };
    }
}

impl Element for Cell {
    const COUNT: u64 = CELLS;

    #[inline(always)]
    fn at(cpu: u64, place: u64) -> *mut Self {
        let number = (cpu * CELLS + place) & meant::<{ placeholder::PROFILE_CELL_MASK }>();
        (meant::<{ placeholder::PROFILE_CELLS }>() as *mut u8)
            .wrapping_add((number << CELL_SHIFT) as usize)
            .cast()
    }

    #[inline(always)]
    unsafe fn key(this: *mut Self) -> *mut u64 {
        // SAFETY: the caller's cell.
        unsafe { &raw mut (*this).key }
    }

    #[inline(always)]
    unsafe fn begin(_this: *mut Self) {}
}

/// An element with its place among those of the CPU.
pub struct Found<E> {
    pub element: *mut E,
    pub place: u64,
}

/// The element with this key, which may be new; none if there is no place for it.
#[inline(always)]
pub fn find<E: Element>(cpu: u64, key: u64) -> Option<Found<E>> {
    let mut place = hash(key) & (E::COUNT - 1);
    let mut element = E::at(cpu, place);
    // SAFETY: an element of the table. Volatile: others claim places.
    if unsafe { ptr::read_volatile(E::key(element)) } != key {
        cold_path();
        place = search::<E>(cpu, key);
        if place >= E::COUNT {
            return None;
        }
        element = E::at(cpu, place);
    }
    Some(Found { element, place })
}

/// The place of the element with this key; the number of places if there is none for it.
#[inline(never)]
fn search<E: Element>(cpu: u64, key: u64) -> u64 {
    let first = hash(key);
    for attempt in 0..TRIES {
        let place = first.wrapping_add(attempt) & (E::COUNT - 1);
        let element = E::at(cpu, place);
        // SAFETY: an element of the table.
        unsafe {
            let cell = E::key(element);
            if ptr::read_volatile(cell) == 0 && atomic::compare_exchange(cell, 0, key) {
                E::begin(element);
                return place;
            }
            if ptr::read_volatile(cell) == key {
                return place;
            }
        }
    }
    E::COUNT
}
