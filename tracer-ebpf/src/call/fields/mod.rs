//! Fields of a call: what its arguments are, and what lies in the memory that they point to.
//!
//! What is read stands in tables ([`tracer_common::fields`]), which one loop runs. Instructions
//! made for each function would be fewer, but then each function needed programs and links of its
//! own: with tables the functions of a glob share theirs, as those without fields do. Functions
//! that have fields have copies of the programs with [`placeholder::FIELDS`] in them, which take
//! the slow path; all others have programs in which nothing of this is left.
//!
//! At a trampoline the arguments are at hand at the exit, too. At an fprobe they are gone, so the
//! entry leaves them in a table by task and frame (`open`), where sleep and migration do not touch
//! them. `read` reads memory, `condition` has what a root is asked for.

mod arguments;
mod condition;
mod open;
mod read;

use core::{mem::MaybeUninit, ptr};

use aya_ebpf::{btf_maps::Array, macros::btf_map};
use tracer_common::{
    EventKind, FIELD_FUNCTIONS, FIELD_TABLES, FieldFunction, FieldPlace, FieldRead, FieldTable,
    MAX_FIELD_BYTES, MAX_READS, placeholder,
};

use crate::{
    batch::{self, Hit},
    maps::{Task, meant},
    probe::Site,
};
use arguments::{Arguments, arguments};
use condition::meets;
use open::{call_key, leave, take};
use read::{PART_BYTES, into};

/// Which functions have fields.
#[btf_map]
pub static FIELD_OF: Array<FieldFunction, { FIELD_FUNCTIONS as usize }> = Array::new();

/// What is read.
#[btf_map]
pub static FIELDS: Array<FieldTable, { FIELD_TABLES as usize }> = Array::new();

/// Stores the fields of the call that `entry` is of.
#[inline(always)]
pub fn at_entry<S: Site>(ctx: &S, task: *mut Task, entry: &Hit) {
    if meant::<{ placeholder::FIELDS }>() & placeholder::READS_FIELDS == 0 {
        return;
    }
    let Some(table) = table_of(entry.function) else {
        return;
    };
    let arguments = arguments(ctx);
    // SAFETY: a checked map value.
    unsafe {
        if !S::EXIT_HAS_ARGUMENTS && ptr::read_volatile(&raw const (*table).at_exit) != 0 {
            let call = call_key(ctx.frame(), entry.function);
            leave(
                ptr::read_volatile(&raw const (*task).owner),
                call,
                &arguments,
            );
        }
        store(task, table, &arguments, entry, ctx.frame());
    }
}

/// Stores the fields of the call that `exit` is of, before its event.
#[inline(always)]
pub fn at_exit<S: Site>(ctx: &S, task: *mut Task, exit: &Hit) {
    if meant::<{ placeholder::FIELDS }>() & placeholder::READS_FIELDS == 0 {
        return;
    }
    let Some(table) = table_of(exit.function) else {
        return;
    };
    // SAFETY: as above.
    unsafe {
        if ptr::read_volatile(&raw const (*table).at_exit) == 0 {
            return;
        }
        let arguments = if S::EXIT_HAS_ARGUMENTS {
            arguments(ctx)
        } else {
            let mut arguments = Arguments::default();
            let owner = ptr::read_volatile(&raw const (*task).owner);
            if !take(owner, call_key(ctx.frame(), exit.function), &mut arguments) {
                return;
            }
            arguments
        };
        store(task, table, &arguments, exit, ctx.frame());
    }
}

/// Whether a root that is entered does not meet the condition on its arguments.
#[inline(always)]
pub fn turn_away<S: Site>(ctx: &S) -> bool {
    if meant::<{ placeholder::FIELDS }>() & placeholder::TESTS_FIELDS == 0 {
        return false;
    }
    let Some(table) = table_of(ctx.function() as u32) else {
        return false;
    };
    let arguments = arguments(ctx);
    // SAFETY: as above.
    unsafe { meets(table, &arguments) == 0 }
}

/// What userspace says of a function.
#[inline(always)]
fn table_of(function: u32) -> Option<*const FieldTable> {
    for attempt in 0..FieldFunction::PLACES {
        let place = FIELD_OF.get_ptr(FieldFunction::place(function, attempt))?;
        // SAFETY: the pointer was checked; what userspace writes meanwhile is not about this
        // function, which has its probes.
        let FieldFunction {
            function: found,
            table,
        } = unsafe { ptr::read_volatile(place) };
        if table == 0 {
            return None;
        }
        if found == function {
            return FIELDS.get_ptr(table - 1);
        }
    }
    None
}

/// Stores what the table has of this end of the call.
#[inline(never)]
unsafe fn store(
    task: *mut Task,
    table: *const FieldTable,
    arguments: &Arguments,
    hit: &Hit,
    frame: u64,
) {
    // SAFETY: a checked map value; the number is bounded.
    unsafe {
        for number in 0..MAX_READS {
            if number as u32 >= ptr::read_volatile(&raw const (*table).reads) {
                return;
            }
            let read = (&raw const (*table).read).cast::<FieldRead>().add(number);
            let place = ptr::read_volatile(&raw const (*read).place);
            if !is_exit(hit) || place & FieldRead::AT_EXIT != 0 {
                one(task, read, arguments, hit, frame);
            }
        }
    }
}

#[inline(always)]
fn is_exit(hit: &Hit) -> bool {
    hit.kind_and_context & 0xf == EventKind::Exit as u8
}

/// Stores one field, all of its parts.
#[inline(never)]
unsafe fn one(
    task: *mut Task,
    read: *const FieldRead,
    arguments: &Arguments,
    hit: &Hit,
    frame: u64,
) {
    // SAFETY: a checked map value.
    unsafe {
        let mut place = u32::from(ptr::read_volatile(&raw const (*read).place) & 7);
        if is_exit(hit) {
            place |= FieldPlace::AT_EXIT;
        }
        let mut memory = MaybeUninit::<[u64; MAX_FIELD_BYTES / 8]>::uninit();
        // Volatile, or the compiler calls a loop over its bytes.
        for word in 0..MAX_FIELD_BYTES / 8 {
            ptr::write_volatile(memory.as_mut_ptr().cast::<u64>().add(word), 0);
        }
        let memory = memory.assume_init_mut();
        let mut length = into(read, arguments, hit, memory);
        if length == 0 {
            place |= FieldPlace::UNREADABLE;
            length = PART_BYTES;
        }
        for number in 0..MAX_FIELD_BYTES as u32 / PART_BYTES {
            if number * PART_BYTES >= length {
                return;
            }
            let value = ptr::read_volatile(&raw const memory[number as usize]);
            part(task, hit, frame, value, place + number * FieldPlace::PART);
        }
    }
}

/// Stores eight bytes of a field.
#[inline(always)]
fn part(task: *mut Task, hit: &Hit, frame: u64, value: u64, place: u32) {
    let kind_and_context = hit.kind_and_context & 0xf0 | EventKind::Field as u8;
    let writer = u32::from(hit.kind_and_context >> 4);
    let field = Hit {
        value,
        depth: place,
        kind_and_context,
        ..*hit
    };
    batch::push(task, writer, &field, frame);
}
