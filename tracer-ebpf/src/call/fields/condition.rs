//! What a root call is asked for when it is entered: tests that jump forward.

use core::ptr;

use tracer_common::{FieldTable, FieldTest, MAX_TESTS, TEST_WORDS, TestKind};

use super::{
    arguments::Arguments,
    read::{number, string, walk},
};

/// Whether a call meets the condition of a table; 0 is no.
// SAFETY: no other symbol has the name.
#[unsafe(no_mangle)]
pub extern "C" fn field_meets(table: *const FieldTable, arguments: *const Arguments) -> u32 {
    if table.is_null() || arguments.is_null() {
        return 0;
    }
    // SAFETY: the pointers are of what their types say, for which the verifier stands; the number
    // is bounded.
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
            let after = field_test(test, arguments) as u8;
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
// SAFETY: no other symbol has the name.
#[unsafe(no_mangle)]
extern "C" fn field_test(test: *const FieldTest, arguments: *const Arguments) -> u32 {
    if test.is_null() || arguments.is_null() {
        return u32::from(FieldTest::NOT_MET);
    }
    // SAFETY: the pointers are of what their types say, for which the verifier stands.
    unsafe {
        let arguments = &*arguments;
        let unreadable = u32::from(ptr::read_volatile(&raw const (*test).unreadable));
        let read = &raw const (*test).read;
        let Some(address) = walk(read, arguments) else {
            return unreadable;
        };
        let kind = ptr::read_volatile(&raw const (*test).kind);
        let holds = if kind == TestKind::String as u32 {
            let mut memory = [0u64; TEST_WORDS];
            if string(memory.as_mut_ptr(), 8 * TEST_WORDS as u32, address, true) == 0 {
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

/// Puts the number that a test is about into `to`; 0 if it cannot be read.
// SAFETY: no other symbol has the name.
#[unsafe(no_mangle)]
pub extern "C" fn field_number(
    test: *const FieldTest,
    arguments: *const Arguments,
    to: *mut u64,
) -> u32 {
    if test.is_null() || arguments.is_null() || to.is_null() {
        return 0;
    }
    // SAFETY: the pointers are of what their types say, for which the verifier stands.
    unsafe {
        let read = &raw const (*test).read;
        let Some(address) = walk(read, &*arguments) else {
            return 0;
        };
        let Some(number) = number(read, address) else {
            return 0;
        };
        let mask = ptr::read_volatile(&raw const (*test).mask);
        ptr::write_volatile(to, number & mask);
    }
    1
}

/// Whether a string begins as a test wants it.
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
