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
    task::gate,
};
use arguments::{Arguments, arguments};
use condition::{field_meets, field_number};
use open::{call_key, field_leave, field_take};
use read::{Memory, PART_BYTES, field_read};

/// Which functions have fields.
#[btf_map]
pub static FIELD_OF: Array<FieldFunction, { FIELD_FUNCTIONS as usize }> = Array::new();

/// What is read.
#[btf_map]
pub static FIELDS: Array<FieldTable, { FIELD_TABLES as usize }> = Array::new();

/// Stores the fields of the call that `entry` is of.
#[inline(always)]
pub fn at_entry<S: Site>(ctx: &S, task: *mut Task, entry: &Hit) {
    let Some(table) = table_of::<{ placeholder::READS_FIELDS }>(entry.function) else {
        return;
    };
    let arguments = arguments(ctx);
    let end = End::of(entry, ctx.frame());
    // SAFETY: a checked map value.
    unsafe {
        if !S::EXIT_HAS_ARGUMENTS && ptr::read_volatile(&raw const (*table).at_exit) != 0 {
            let call = call_key(ctx.frame(), entry.function);
            field_leave(
                ptr::read_volatile(&raw const (*task).owner),
                call,
                &raw const arguments,
            );
        }
        field_end(table, &raw const arguments, &raw const end);
    }
}

/// Stores the fields of the call that `exit` is of, before its event.
#[inline(always)]
pub fn at_exit<S: Site>(ctx: &S, task: *mut Task, exit: &Hit) {
    let Some(table) = table_of::<{ placeholder::READS_FIELDS }>(exit.function) else {
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
            let call = call_key(ctx.frame(), exit.function);
            if field_take(owner, call, &raw mut arguments) == 0 {
                return;
            }
            arguments
        };
        let end = End::of(exit, ctx.frame());
        field_end(table, &raw const arguments, &raw const end);
    }
}

/// Whether a root that is entered does not meet the condition on its arguments.
#[inline(always)]
pub fn turn_away<S: Site>(ctx: &S) -> bool {
    let Some(table) = table_of::<{ placeholder::TESTS_FIELDS }>(ctx.function_id()) else {
        return false;
    };
    let arguments = arguments(ctx);
    field_meets(table, &raw const arguments) == 0
}

/// The number by which a root call that is entered is counted; none if it cannot be read.
#[inline(always)]
pub fn number_of<S: Site>(ctx: &S) -> Option<u64> {
    let table = table_of::<{ placeholder::COUNTS_BY_FIELD }>(ctx.function_id())?;
    let arguments = arguments(ctx);
    let mut number = 0;
    // SAFETY: a checked map value.
    let test = unsafe { &raw const (*table).test }.cast();
    (field_number(test, &raw const arguments, &raw mut number) != 0).then_some(number)
}

/// What userspace says of a function; none in a copy of a program that does not heed that part.
#[inline(always)]
fn table_of<const PART: u64>(function: u32) -> Option<*const FieldTable> {
    if meant::<{ placeholder::FIELDS }>() & PART == 0 {
        return None;
    }
    FIELDS.get_ptr(field_table(function).wrapping_sub(1))
}

/// One more than the number of a function's table; 0 if it has none.
// SAFETY: no other symbol has the name.
#[unsafe(no_mangle)]
extern "C" fn field_table(function: u32) -> u32 {
    for attempt in 0..FieldFunction::PLACES {
        let Some(place) = FIELD_OF.get_ptr(FieldFunction::place(function, attempt)) else {
            return 0;
        };
        // SAFETY: the pointer was checked; what userspace writes meanwhile is not about this
        // function, which has its probes.
        let FieldFunction {
            function: found,
            table,
        } = unsafe { ptr::read_volatile(place) };
        if table == 0 || found == function {
            return table;
        }
    }
    0
}

/// Which end of which call a field is of.
#[repr(C)]
struct End {
    time_ns: u64,
    frame: u64,
    function: u32,
    kind_and_context: u32,
}

impl End {
    #[inline(always)]
    fn of(hit: &Hit, frame: u64) -> Self {
        Self {
            time_ns: hit.time_ns,
            frame,
            function: hit.function,
            kind_and_context: u32::from(hit.kind_and_context),
        }
    }

    #[inline(always)]
    const fn is_exit(&self) -> bool {
        self.kind_and_context & 0xf == EventKind::Exit as u32
    }
}

/// Stores what the table has of this end of the call.
///
/// This and what it calls are functions that the verifier looks at once, by the types of what they
/// take, and not on every path that leads to them (global functions, kernel/bpf/verifier.c).
/// Otherwise a program with fields takes seconds on its way into 7.3, and never comes into 6.1.
// SAFETY: no other symbol has the name.
#[unsafe(no_mangle)]
extern "C" fn field_end(
    table: *const FieldTable,
    arguments: *const Arguments,
    end: *const End,
) -> u32 {
    if table.is_null() || arguments.is_null() || end.is_null() {
        return 0;
    }
    // SAFETY: the pointers are of what their types say, for which the verifier stands; the number
    // is bounded.
    unsafe {
        for number in 0..MAX_READS {
            if number as u32 >= ptr::read_volatile(&raw const (*table).reads) {
                break;
            }
            let read = (&raw const (*table).read).cast::<FieldRead>().add(number);
            let place = ptr::read_volatile(&raw const (*read).place);
            if !(*end).is_exit() || place & FieldRead::AT_EXIT != 0 {
                field_store(read, arguments, end);
            }
        }
    }
    0
}

/// Stores one field, all of its parts.
// SAFETY: no other symbol has the name.
#[unsafe(no_mangle)]
extern "C" fn field_store(
    read: *const FieldRead,
    arguments: *const Arguments,
    end: *const End,
) -> u32 {
    if read.is_null() || arguments.is_null() || end.is_null() {
        return 0;
    }
    // Not from the caller: its type alone would not say that memory goes on after a task's.
    let Some(task) = gate::inside_root() else {
        return 0;
    };
    // SAFETY: the pointers are of what their types say, for which the verifier stands.
    unsafe {
        let end = &*end;
        let mut place = u32::from(ptr::read_volatile(&raw const (*read).place) & 7);
        if end.is_exit() {
            place |= FieldPlace::AT_EXIT;
        }
        let mut memory = MaybeUninit::<Memory>::uninit();
        // Volatile, or the compiler calls a loop over its bytes.
        for word in 0..MAX_FIELD_BYTES / 8 {
            ptr::write_volatile(memory.as_mut_ptr().cast::<u64>().add(word), 0);
        }
        let memory = memory.assume_init_mut();
        let mut length = field_read(read, arguments, end.kind_and_context >> 4, memory);
        if length == 0 {
            place |= FieldPlace::UNREADABLE;
            length = PART_BYTES;
        }
        for number in 0..MAX_FIELD_BYTES as u32 / PART_BYTES {
            if number * PART_BYTES >= length {
                break;
            }
            let value = ptr::read_volatile(&raw const memory[number as usize]);
            part(task, end, value, place + number * FieldPlace::PART);
        }
    }
    0
}

/// Stores eight bytes of a field.
#[inline(always)]
fn part(task: *mut Task, end: &End, value: u64, place: u32) {
    let field = Hit {
        time_ns: end.time_ns,
        value,
        function: end.function,
        depth: place,
        kind_and_context: end.kind_and_context as u8 & 0xf0 | EventKind::Field as u8,
    };
    batch::push(task, end.kind_and_context >> 4, &field, end.frame);
}
