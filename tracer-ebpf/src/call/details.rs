//! What is recorded of a call besides its two ends, where it was asked for: who made it, what it
//! was given, the strings among that.
//!
//! Each is an event of its own after the entry's, or several. The settings are constants to the
//! verifier, so what was not asked for is not in the program.

use core::ffi::c_void;

use aya_ebpf::helpers::{
    bpf_probe_read_kernel,
    generated::{bpf_probe_read_kernel_str, bpf_probe_read_user_str},
};
use tracer_common::{
    CallRegisters, Context, Event, EventKind, MAX_ARGUMENTS, MAX_STRING_BYTES, MAX_STRING_PARTS,
    StringArguments, StringPlace,
};

use crate::{
    arch,
    batch::{self, Hit},
    maps::{STRINGS, Task, WRITING, config},
    probe::Site,
    task::busy,
};

/// Stores what is wanted of the call that `entry` is of.
#[inline(always)]
pub fn store<S: Site>(ctx: &S, task: *mut Task, writer: u32, entry: &Hit) {
    if config!(return_addresses) != 0 {
        caller(ctx, task, writer, entry);
    }
    if config!(arguments) != 0 {
        arguments(ctx, task, writer, entry);
    }
}

/// The kind of an event that belongs to an entry, with its context.
#[inline(always)]
fn kind(entry: &Hit, kind: EventKind) -> u8 {
    entry.kind_and_context ^ EventKind::Entry as u8 | kind as u8
}

/// Stores where the call will go on in its caller.
#[inline(always)]
fn caller<S: Site>(ctx: &S, task: *mut Task, writer: u32, entry: &Hit) {
    // SAFETY: a checked map value; the cell is the writer's own, and in use only while it stores an
    // event.
    let cell = unsafe { &raw mut (*batch::single(task, writer)).event.value };
    let Some(address) = ctx.return_address(cell) else {
        return;
    };
    let hit = Hit {
        value: u64::from(entry.function),
        function: address as u32,
        kind_and_context: kind(entry, EventKind::Caller),
        ..*entry
    };
    batch::push(task, writer, &hit, ctx.frame());
}

/// Stores the argument registers, and the strings that they point to; of a system call those that
/// the process has set.
#[inline(always)]
fn arguments<S: Site>(ctx: &S, task: *mut Task, writer: u32, entry: &Hit) {
    let known = known_of(entry.function);
    let mut registers = [0; MAX_ARGUMENTS as usize];
    let is_system_call = StringArguments::registers(known) != 0;
    if is_system_call {
        call_registers(&mut registers, ctx.argument::<0>().unwrap_or(0), known);
    }
    let store = |argument: u32, value: Option<u64>| {
        let value = if !is_system_call {
            value
        } else if argument < StringArguments::count(known) {
            Some(registers[argument as usize])
        } else {
            None
        };
        let value = if argument < config!(arguments) {
            value
        } else {
            None
        };
        let Some(value) = value else { return false };
        let hit = Hit {
            value,
            depth: argument,
            kind_and_context: kind(entry, EventKind::Argument),
            ..*entry
        };
        batch::push(task, writer, &hit, ctx.frame());
        if known & (1 << argument) != 0 {
            string(task, ctx.frame(), argument | (writer << 8), value, entry);
        }
        true
    };
    // No loop: see `Site::argument`.
    let _ = store(0, ctx.argument::<0>())
        && store(1, ctx.argument::<1>())
        && store(2, ctx.argument::<2>())
        && store(3, ctx.argument::<3>())
        && store(4, ctx.argument::<4>())
        && store(5, ctx.argument::<5>());
}

/// The registers in which a process left the arguments of a system call. They stay 0 where they
/// cannot be read, which is nowhere.
#[inline(never)]
fn call_registers(to: &mut [u64; MAX_ARGUMENTS as usize], from: u64, known: u32) {
    // SAFETY: the helper checks the address.
    let Ok(all) = (unsafe { bpf_probe_read_kernel(from as *const [u64; arch::CALL_WORDS]) }) else {
        return;
    };
    let is_native = StringArguments::registers(known) == CallRegisters::Native as u32;
    for (place, register) in to.iter_mut().enumerate() {
        *register = if is_native {
            all[arch::NATIVE[place]]
        } else {
            all[arch::COMPAT[place]] & u64::from(u32::MAX)
        };
    }
}

/// What userspace says of a function's arguments, as [`StringArguments::arguments`] has it.
#[inline(always)]
fn known_of(function: u32) -> u32 {
    for attempt in 0..StringArguments::PLACES {
        let Some(place) = STRINGS.get_ptr(StringArguments::place(function, attempt)) else {
            return 0;
        };
        // SAFETY: the pointer was checked; what userspace writes meanwhile is not about this
        // function, which has its probes.
        let StringArguments {
            function: found,
            arguments,
        } = unsafe { core::ptr::read_volatile(place) };
        if found == function {
            return arguments;
        }
        if arguments == 0 {
            return 0;
        }
    }
    0
}

/// Bytes of a string in an event.
const PART_BYTES: u64 = size_of::<u64>() as u64;

/// Stores the beginning of the string at `address`, eight bytes an event, all of them or none:
/// where there is no room, or an interrupt takes it in the same few instructions, the string stays
/// an address. An address says by itself whose it is: the kernel's are negative. A process's is
/// looked at for its own task only. Both helpers answer with an error where nothing can be read, a
/// page that is not in memory for one, and then there is no string.
///
/// One place after the other would be the usual way, but then the verifier goes through what
/// happens where there is none 48 times. `place` is the argument, or [`StringPlace::PROCESS`], and
/// in bit 8 and above the writer.
#[inline(never)]
pub fn string(task: *mut Task, frame: u64, place: u32, address: u64, entry: &Hit) {
    let mut string = [0u64; MAX_STRING_PARTS as usize];
    let (to, from) = (
        string.as_mut_ptr().cast::<c_void>(),
        address as *const c_void,
    );
    let (argument, writer) = (place & 7, place >> 8);
    // SAFETY: the room is as large as they are told, and they check the address.
    let length = unsafe {
        if (address as i64) < 0 {
            bpf_probe_read_kernel_str(to, MAX_STRING_BYTES as u32, from)
        } else if writer == Context::Task as u32 {
            bpf_probe_read_user_str(to, MAX_STRING_BYTES as u32, from)
        } else {
            return;
        }
    };
    if length <= 0 {
        return;
    }
    let parts = (length as u64).div_ceil(PART_BYTES);
    let first = Event {
        time_ns: entry.time_ns,
        function: entry.function,
        kind_and_context: kind(entry, EventKind::String),
        ..Event::default()
    };
    // SAFETY: a checked map value; the places are ours alone once they are taken.
    unsafe {
        busy::set(task, WRITING << writer);
        if let Some(cursor) = batch::take_places::<{ MAX_STRING_PARTS }>(task, parts) {
            let events = batch::event(task, cursor);
            let frame = batch::short(events, frame);
            for part in 0..MAX_STRING_PARTS {
                if u64::from(part) >= parts {
                    break;
                }
                *events.add(part as usize) = Event {
                    value: string[part as usize],
                    frame,
                    depth: StringPlace { argument, part }.pack() as u8,
                    ..first
                };
            }
        }
        busy::clear(task, WRITING << writer);
    }
}
