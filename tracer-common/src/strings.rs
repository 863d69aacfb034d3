//! What a probe cannot tell of a function's arguments by itself: which of them are strings
//! (`char *`), and whether they are those of a system call.
//!
//! One program serves all functions, so it looks that up: userspace writes it down before a
//! function gets its probes. An array with a few places for each function, as the table of tasks:
//! the verifier makes its look-up a few instructions, and most functions are known to have nothing
//! of the kind after the first place. A function that finds its places taken is skipped: its
//! strings stay addresses, and so do the registers of a system call.
//!
//! A string travels in events of its own after its call's entry, eight bytes each: [`StringPlace`].

/// Places in the table, a power of two: 64 KiB.
pub const STRING_FUNCTIONS: u32 = 1 << 13;

/// A place of the table; all zeros is one that is free.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct StringArguments {
    /// The function as in [`crate::Event::function`].
    pub function: u32,
    /// Bit `n` stands for argument `n`, which is a string; above them see [`Self::system_call`].
    pub arguments: u32,
}

/// Which of a process's registers hold the arguments of a system call (`struct pt_regs`,
/// arch/x86/include/asm/ptrace.h).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u32)]
pub enum CallRegisters {
    /// rdi, rsi, rdx, r10, r8, r9.
    Native = 1,
    /// ebx, ecx, edx, esi, edi, ebp.
    Compat = 2,
}

impl StringArguments {
    /// Places in which a function may be; they follow one another.
    pub const PLACES: u32 = 4;

    const REGISTERS: u32 = 8;
    const COUNT: u32 = 12;
    const BITS: u32 = 0xf;

    /// Its place number `attempt`.
    #[inline(always)]
    pub const fn place(function: u32, attempt: u32) -> u32 {
        const BITS: u32 = STRING_FUNCTIONS.trailing_zeros();
        // Functions begin at multiples of 16, so the low bits alone would be poor.
        let first = function.wrapping_mul(0x9e37_79b1) >> (u32::BITS - BITS);
        first.wrapping_add(attempt) & (STRING_FUNCTIONS - 1)
    }

    /// What [`Self::arguments`] has beside its strings if the function is the entry of a system
    /// call: its argument is the address of the registers that hold `count` arguments.
    pub const fn system_call(registers: CallRegisters, count: u32) -> u32 {
        ((registers as u32) << Self::REGISTERS) | (count << Self::COUNT)
    }

    /// Which registers hold its arguments: a [`CallRegisters`], or 0 if it is no system call.
    #[inline(always)]
    pub const fn registers(arguments: u32) -> u32 {
        (arguments >> Self::REGISTERS) & Self::BITS
    }

    /// How many they are.
    #[inline(always)]
    pub const fn count(arguments: u32) -> u32 {
        (arguments >> Self::COUNT) & Self::BITS
    }
}

/// Events of a string at most.
pub const MAX_STRING_PARTS: u32 = 8;
/// Bytes of a string that are recorded at most, the zero at its end included.
pub const MAX_STRING_BYTES: usize = MAX_STRING_PARTS as usize * size_of::<u64>();

/// Which part of which argument's string an event is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StringPlace {
    /// The argument, counted from 0.
    pub argument: u32,
    /// The part, counted from 0.
    pub part: u32,
}

impl StringPlace {
    /// In the place of an argument, at a root call's entry by a thread that does not lead its
    /// process: the string is the name of the thread that does.
    pub const PROCESS: u32 = 7;

    /// As an event's `depth`: the argument in the low three bits, the part above.
    #[inline(always)]
    pub const fn pack(self) -> u32 {
        self.argument | (self.part << 3)
    }

    /// From an event's `depth`.
    pub const fn unpack(depth: u8) -> Self {
        Self {
            argument: (depth & 7) as u32,
            part: (depth >> 3) as u32,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_system_call_survives_packing() {
        for registers in [CallRegisters::Native, CallRegisters::Compat] {
            for count in 0..=crate::config::MAX_ARGUMENTS {
                let packed = StringArguments::system_call(registers, count) | 0x3f;
                assert_eq!(StringArguments::registers(packed), registers as u32);
                assert_eq!(StringArguments::count(packed), count);
            }
        }
        assert_eq!(StringArguments::registers(0x3f), 0);
    }

    #[test]
    fn places_of_strings_survive_packing() {
        for argument in 0..crate::config::MAX_ARGUMENTS {
            for part in 0..MAX_STRING_PARTS {
                let place = StringPlace { argument, part };
                let depth = u8::try_from(place.pack()).unwrap();
                assert_eq!(StringPlace::unpack(depth), place);
            }
        }
    }
}
