//! Fields of a call: what its arguments are, and what lies in the memory that they point to.
//!
//! What is read stands in tables ([`tracer_common::fields`]), which one loop runs. Instructions
//! made for each function would be fewer, but then each function needed programs and links of its
//! own: with tables the functions of a glob share theirs, as those without fields do. Functions
//! that have fields have copies of the programs with [`placeholder::FIELDS`] in them, which take
//! the slow path; all others have programs in which nothing of this is left.
//!
//! At a trampoline the arguments are at hand at the exit, too. At an fprobe they are gone, so the
//! entry leaves them in a table by task and frame, as wide as needed for calls that sleep.

use core::{ffi::c_void, ptr};

use aya_ebpf::{
    btf_maps::Array,
    helpers::generated::{
        bpf_probe_read_kernel, bpf_probe_read_kernel_str, bpf_probe_read_user_str,
    },
    macros::btf_map,
};
use tracer_common::{
    Context, EventKind, FIELD_CALLS, FIELD_FUNCTIONS, FIELD_TABLES, FieldFunction, FieldKind,
    FieldPlace, FieldRead, FieldTable, FieldTest, MAX_FIELD_BYTES, MAX_READS, MAX_STEPS, MAX_TESTS,
    TEST_WORDS, TestKind, placeholder,
};

use crate::{
    atomic,
    batch::{self, Hit},
    maps::{Task, meant},
    site::Site,
};

/// Which functions have fields.
#[btf_map]
pub static FIELD_OF: Array<FieldFunction, { FIELD_FUNCTIONS as usize }> = Array::new();

/// What is read.
#[btf_map]
pub static FIELDS: Array<FieldTable, { FIELD_TABLES as usize }> = Array::new();

/// The arguments of calls that are open at fprobes.
#[btf_map]
pub static FIELD_ARGUMENTS: Array<OpenFields, { FIELD_CALLS as usize }> = Array::new();

/// Argument registers, and room so that any number of three bits is a place.
type Arguments = [u64; 8];

/// The arguments of a call that is open.
#[repr(C)]
pub struct OpenFields {
    /// The task, see `task::current`; 0 while the place is free.
    owner: u64,
    /// What tells the call from others of the task.
    call: u64,
    arguments: [u64; 6],
}

/// Places in which a call's arguments may be.
const PLACES: u32 = 4;

/// Bytes of a part of a field.
const PART_BYTES: u32 = size_of::<u64>() as u32;

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

#[inline(always)]
fn arguments<S: Site>(ctx: &S) -> Arguments {
    // No loop: see `Site::argument`.
    [
        ctx.argument::<0>().unwrap_or(0),
        ctx.argument::<1>().unwrap_or(0),
        ctx.argument::<2>().unwrap_or(0),
        ctx.argument::<3>().unwrap_or(0),
        ctx.argument::<4>().unwrap_or(0),
        ctx.argument::<5>().unwrap_or(0),
        0,
        0,
    ]
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

/// What tells a call from others of its task: calls that end with a jump to another share a frame.
#[inline(always)]
fn call_key(frame: u64, function: u32) -> u64 {
    frame ^ (u64::from(function) << 32)
}

#[inline(always)]
fn place_of(owner: u64, call: u64, attempt: u32) -> Option<*mut OpenFields> {
    let hash = (owner ^ call.rotate_left(17)).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    let place = ((hash >> 40) as u32).wrapping_add(attempt) & (FIELD_CALLS - 1);
    FIELD_ARGUMENTS.get_ptr_mut(place)
}

/// Leaves a call's arguments for its exit. Where all places are taken, by calls whose exits were
/// not seen for one, nothing is known at the exit.
#[inline(never)]
unsafe fn leave(owner: u64, call: u64, arguments: &Arguments) {
    for attempt in 0..PLACES {
        let Some(place) = place_of(owner, call, attempt) else {
            return;
        };
        // SAFETY: the pointer was checked; the place is ours alone once it is taken. A place of the
        // same call is one whose exit was not seen.
        unsafe {
            let is_taken = atomic::compare_exchange(&raw mut (*place).owner, 0, owner)
                || ptr::read_volatile(&raw const (*place).owner) == owner
                    && ptr::read_volatile(&raw const (*place).call) == call;
            if is_taken {
                ptr::write_volatile(&raw mut (*place).call, call);
                for number in 0..6 {
                    let to = (&raw mut (*place).arguments).cast::<u64>().add(number);
                    ptr::write_volatile(to, arguments[number]);
                }
                return;
            }
        }
    }
}

/// Takes back what [`leave`] has left.
#[inline(never)]
unsafe fn take(owner: u64, call: u64, arguments: &mut Arguments) -> bool {
    for attempt in 0..PLACES {
        let Some(place) = place_of(owner, call, attempt) else {
            return false;
        };
        // SAFETY: as above.
        unsafe {
            if ptr::read_volatile(&raw const (*place).owner) == owner
                && ptr::read_volatile(&raw const (*place).call) == call
            {
                for number in 0..6 {
                    let from = (&raw const (*place).arguments).cast::<u64>().add(number);
                    arguments[number] = ptr::read_volatile(from);
                }
                ptr::write_volatile(&raw mut (*place).owner, 0);
                return true;
            }
        }
    }
    false
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
        let mut memory = [0u64; MAX_FIELD_BYTES / 8];
        let length = into(read, arguments, hit, &mut memory);
        if length == 0 {
            return part(task, hit, frame, 0, place | FieldPlace::UNREADABLE);
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
#[inline(never)]
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

/// Reads into `memory` what a read is of. Returns how many bytes that are, and 0 if it cannot be
/// read.
#[inline(never)]
unsafe fn into(
    read: *const FieldRead,
    arguments: &Arguments,
    hit: &Hit,
    memory: &mut [u64; MAX_FIELD_BYTES / 8],
) -> u32 {
    // SAFETY: a checked map value; the helpers check addresses, and the room is as large as they
    // are told.
    unsafe {
        let Some(address) = walk(read, arguments) else {
            return 0;
        };
        let kind = ptr::read_volatile(&raw const (*read).kind);
        let to = memory.as_mut_ptr();
        if kind == FieldKind::Text as u8 {
            let is_own = hit.kind_and_context >> 4 == Context::Task as u8;
            return text(to, MAX_FIELD_BYTES as u32, address, is_own);
        }
        if kind == FieldKind::Number as u8 {
            return match number(read, address) {
                Some(value) => {
                    ptr::write_volatile(to, value);
                    PART_BYTES
                }
                None => 0,
            };
        }
        let bytes = u32::from(ptr::read_volatile(&raw const (*read).bytes));
        if bytes > MAX_FIELD_BYTES as u32 {
            return 0;
        }
        if bpf_probe_read_kernel(to.cast(), bytes, address as *const c_void) != 0 {
            return 0;
        }
        bytes
    }
}

/// Follows the pointers to where the last step leads; with no steps that is the register itself.
#[inline(always)]
unsafe fn walk(read: *const FieldRead, arguments: &Arguments) -> Option<u64> {
    // SAFETY: the caller's; the helper checks addresses.
    unsafe {
        let register = ptr::read_volatile(&raw const (*read).register) & 7;
        let mut address = ptr::read_volatile(arguments.as_ptr().add(register as usize));
        let steps = ptr::read_volatile(&raw const (*read).steps);
        for step in 0..MAX_STEPS {
            if step as u8 >= steps {
                break;
            }
            let offset = (&raw const (*read).offsets).cast::<i32>().add(step);
            address = address.wrapping_add(i64::from(ptr::read_volatile(offset)) as u64);
            if step as u8 + 1 < steps {
                let mut next = 0u64;
                if bpf_probe_read_kernel(
                    (&raw mut next).cast(),
                    PART_BYTES,
                    address as *const c_void,
                ) != 0
                {
                    return None;
                }
                address = next;
            }
        }
        Some(address)
    }
}

/// The number at an address, or, with no steps, that is the address.
#[inline(always)]
unsafe fn number(read: *const FieldRead, address: u64) -> Option<u64> {
    // SAFETY: the caller's; the helper checks the address.
    unsafe {
        let mut word = address;
        if ptr::read_volatile(&raw const (*read).steps) != 0 {
            word = 0;
            let bytes = u32::from(ptr::read_volatile(&raw const (*read).bytes));
            if bytes > PART_BYTES
                || bpf_probe_read_kernel((&raw mut word).cast(), bytes, address as *const c_void)
                    != 0
            {
                return None;
            }
            word = ptr::read_volatile(&raw const word);
        }
        let up = ptr::read_volatile(&raw const (*read).up) & 63;
        let down = ptr::read_volatile(&raw const (*read).down) & 63;
        let flags = ptr::read_volatile(&raw const (*read).flags);
        if flags & FieldRead::SWAPPED != 0 {
            word = word.swap_bytes();
        }
        let moved = word << up;
        Some(if flags & FieldRead::SIGNED != 0 {
            ((moved as i64) >> down) as u64
        } else {
            moved >> down
        })
    }
}

/// Reads a text of at most `room` bytes, which is filled up with zeros. A process's memory is read
/// for its own task only.
#[inline(always)]
unsafe fn text(to: *mut u64, room: u32, address: u64, is_own_task: bool) -> u32 {
    let from = address as *const c_void;
    // SAFETY: the helpers check the address; the caller's room.
    let length = unsafe {
        if (address as i64) < 0 {
            bpf_probe_read_kernel_str(to.cast(), room, from)
        } else if is_own_task {
            bpf_probe_read_user_str(to.cast(), room, from)
        } else {
            0
        }
    };
    if length > 0 { length as u32 } else { 0 }
}

/// Whether a call meets the condition of a table; 0 is no.
#[inline(never)]
unsafe fn meets(table: *const FieldTable, arguments: &Arguments) -> u32 {
    // SAFETY: a checked map value; the number is bounded.
    unsafe {
        let mut next = 0;
        for number in 0..MAX_TESTS {
            if number as u32 >= ptr::read_volatile(&raw const (*table).tests) {
                break;
            }
            if number as u8 != ptr::read_volatile(&raw const next) {
                continue;
            }
            let test = (&raw const (*table).test).cast::<FieldTest>().add(number);
            let after = step(test, arguments) as u8;
            if after >= FieldTest::NOT_MET {
                return u32::from(after == FieldTest::MET);
            }
            ptr::write_volatile(&raw mut next, after);
        }
        // No test at all.
        u32::from(ptr::read_volatile(&raw const next) == 0)
    }
}

/// Where a condition goes on after one test.
#[inline(never)]
unsafe fn step(test: *const FieldTest, arguments: &Arguments) -> u32 {
    // SAFETY: a checked map value.
    unsafe {
        let unreadable = u32::from(ptr::read_volatile(&raw const (*test).unreadable));
        let read = &raw const (*test).read;
        let Some(address) = walk(read, arguments) else {
            return unreadable;
        };
        let kind = ptr::read_volatile(&raw const (*test).kind);
        let holds = if kind == TestKind::Text as u32 {
            let mut memory = [0u64; TEST_WORDS];
            if text(memory.as_mut_ptr(), 8 * TEST_WORDS as u32, address, true) == 0 {
                return unreadable;
            }
            begins(test, &memory)
        } else {
            let Some(number) = number(read, address) else {
                return unreadable;
            };
            let number = number & ptr::read_volatile(&raw const (*test).mask);
            let value = ptr::read_volatile(&raw const (*test).value);
            if kind == TestKind::Equal as u32 {
                number == value
            } else if kind == TestKind::Less as u32 {
                (number as i64) < value as i64
            } else {
                number < value
            }
        };
        u32::from(if holds {
            ptr::read_volatile(&raw const (*test).yes)
        } else {
            ptr::read_volatile(&raw const (*test).no)
        })
    }
}

/// Whether a text begins as a test wants it.
#[inline(always)]
unsafe fn begins(test: *const FieldTest, memory: &[u64; TEST_WORDS]) -> bool {
    let mut different = 0;
    for word in 0..TEST_WORDS {
        // SAFETY: the caller's map value; the number is bounded.
        let (wanted, mask) = unsafe {
            (
                ptr::read_volatile((&raw const (*test).words).cast::<u64>().add(word)),
                ptr::read_volatile((&raw const (*test).masks).cast::<u64>().add(word)),
            )
        };
        different |= (memory[word] ^ wanted) & mask;
    }
    different == 0
}
