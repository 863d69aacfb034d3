//! Reading memory as a table says.

use core::{ffi::c_void, ptr};

use aya_ebpf::helpers::generated::{
    bpf_probe_read_kernel, bpf_probe_read_kernel_str, bpf_probe_read_user_str,
};
use tracer_common::{Context, FieldKind, FieldRead, MAX_FIELD_BYTES, MAX_STEPS};

use super::arguments::Arguments;

/// Room for a field.
pub type Memory = [u64; MAX_FIELD_BYTES / 8];

/// Bytes of a part of a field.
pub const PART_BYTES: u32 = size_of::<u64>() as u32;

/// Reads into `memory` what a read is of. Returns how many bytes that are, and 0 if it cannot be
/// read.
// SAFETY: no other symbol has the name.
#[unsafe(no_mangle)]
pub extern "C" fn field_read(
    read: *const FieldRead,
    arguments: *const Arguments,
    context: u32,
    memory: *mut Memory,
) -> u32 {
    if read.is_null() || arguments.is_null() || memory.is_null() {
        return 0;
    }
    // SAFETY: the pointers are of what their types say, for which the verifier stands; the helpers
    // check addresses, and the room is as large as they are told.
    unsafe {
        let arguments = &*arguments;
        let Some(address) = walk(read, arguments) else {
            return 0;
        };
        let kind = ptr::read_volatile(&raw const (*read).kind);
        let to = memory.cast::<u64>();
        if kind == FieldKind::String as u8 {
            let is_own = context == Context::Task as u32;
            return string(to, MAX_FIELD_BYTES as u32, address, is_own);
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
pub unsafe fn walk(read: *const FieldRead, arguments: &Arguments) -> Option<u64> {
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
pub unsafe fn number(read: *const FieldRead, address: u64) -> Option<u64> {
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

/// Reads a string of at most `room` bytes, which is filled up with zeros. A process's memory is
/// read for its own task only.
#[inline(always)]
pub unsafe fn string(to: *mut u64, room: u32, address: u64, is_own_task: bool) -> u32 {
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
