//! Fields: what of a call's arguments, and of what they point to, is read when it is entered and
//! when it returns.
//!
//! One program serves all functions that have fields, so what is to be read stands in tables that
//! userspace fills before a function gets its probes: a small program of reads, the same for all
//! functions whose arguments lie in the same registers. A [`FieldFunction`] says which table a
//! function has. The same tables hold what a root call is asked for when it is entered: see
//! [`FieldTest`].

/// Functions that may have fields, a power of two.
pub const FIELD_FUNCTIONS: u32 = 1 << 14;
/// Different tables.
pub const FIELD_TABLES: u32 = 1 << 8;
/// Calls that have fields and may be open at once, where an exit does not know the arguments: a
/// power of two.
pub const FIELD_CALLS: u32 = 1 << 13;
/// Reads of one table; each is a field or a part of one.
pub const MAX_READS: usize = 8;
/// Places on the path to a field: pointers that are followed, the last one included.
pub const MAX_STEPS: usize = 6;
/// Bytes of a field at most.
pub const MAX_FIELD_BYTES: usize = 64;
/// Tests of one table.
pub const MAX_TESTS: usize = 16;
/// Words of a string that a test compares: see [`FieldTest::words`].
pub const TEST_WORDS: usize = 4;

/// What is read at the end of a path.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum FieldKind {
    /// A number of up to eight bytes, or some bits of one.
    Number = 0,
    /// So many bytes as they lie in memory.
    Bytes = 1,
    /// What is at the end is the address of a string.
    String = 2,
}

/// One thing to read.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct FieldRead {
    /// From an address to the next one, bytes: each but the last holds an address.
    pub offsets: [i32; MAX_STEPS],
    /// How many of them there are; with none the register is what is read.
    pub steps: u8,
    /// The argument register, counted from 0.
    pub register: u8,
    /// A [`FieldKind`].
    pub kind: u8,
    /// Bytes that are read, at most [`MAX_FIELD_BYTES`]; of a number at most 8.
    pub bytes: u8,
    /// A number is moved up by so many bits, and then down by [`Self::down`]: what is left are the
    /// bits of the field.
    pub up: u8,
    /// See [`Self::up`].
    pub down: u8,
    /// [`Self::SIGNED`] and [`Self::SWAPPED`].
    pub flags: u8,
    /// Its number in the lowest bits, and [`Self::AT_EXIT`].
    pub place: u8,
}

impl FieldRead {
    /// In [`Self::place`]: it is read when the call returns, too.
    pub const AT_EXIT: u8 = 1 << 7;
    /// In [`Self::flags`]: the highest bit of a number is its sign.
    pub const SIGNED: u8 = 1;
    /// In [`Self::flags`]: the bytes of a number are in network order.
    pub const SWAPPED: u8 = 2;

    /// Nothing.
    pub const NONE: Self = Self {
        offsets: [0; MAX_STEPS],
        steps: 0,
        register: 0,
        kind: 0,
        bytes: 0,
        up: 0,
        down: 0,
        flags: 0,
        place: 0,
    };
}

/// What a test compares.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum TestKind {
    /// The number is equal.
    Equal = 0,
    /// It is less, with signs.
    Less = 1,
    /// It is less, without.
    Below = 2,
    /// The string begins with the words; where these end with a zero byte, it is the string.
    String = 3,
}

/// One step of a condition: a comparison, and where to go on. Steps go forward only.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct FieldTest {
    /// What is compared, by the same rules as a field.
    pub read: FieldRead,
    /// The number that it is compared with.
    pub value: u64,
    /// Bits of the number that are looked at.
    pub mask: u64,
    /// What a string must begin with.
    pub words: [u64; TEST_WORDS],
    /// Bits of these words that are looked at.
    pub masks: [u64; TEST_WORDS],
    /// A [`TestKind`].
    pub kind: u32,
    /// Where to go on if it holds: the number of a test, [`Self::MET`] or [`Self::NOT_MET`].
    pub yes: u8,
    /// Where to go on if it does not.
    pub no: u8,
    /// And where if it cannot be read.
    pub unreadable: u8,
    /// Nothing.
    pub rest: u8,
}

impl FieldTest {
    /// The condition is met.
    pub const MET: u8 = 0xff;
    /// It is not.
    pub const NOT_MET: u8 = 0xfe;

    /// None.
    pub const NONE: Self = Self {
        read: FieldRead::NONE,
        value: 0,
        mask: 0,
        words: [0; TEST_WORDS],
        masks: [0; TEST_WORDS],
        kind: 0,
        yes: 0,
        no: 0,
        unreadable: 0,
        rest: 0,
    };
}

/// What is read of a call, and what is asked of it.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct FieldTable {
    /// How many reads there are.
    pub reads: u32,
    /// How many tests; without any every call will do.
    pub tests: u32,
    /// Whether any of the reads is done at the exit; 0 is no.
    pub at_exit: u64,
    /// The reads.
    pub read: [FieldRead; MAX_READS],
    /// The tests.
    pub test: [FieldTest; MAX_TESTS],
}

impl FieldTable {
    /// Nothing is read and nothing asked.
    pub const EMPTY: Self = Self {
        reads: 0,
        tests: 0,
        at_exit: 0,
        read: [FieldRead::NONE; MAX_READS],
        test: [FieldTest::NONE; MAX_TESTS],
    };

    /// Adds a read; none if there is no room.
    #[allow(clippy::cast_possible_truncation, reason = "less than 8")]
    pub const fn push(&mut self, read: FieldRead) -> Option<()> {
        let number = self.reads as usize;
        if number >= MAX_READS {
            return None;
        }
        self.read[number] = FieldRead {
            place: read.place | number as u8,
            ..read
        };
        self.reads += 1;
        if read.place & FieldRead::AT_EXIT != 0 {
            self.at_exit = 1;
        }
        Some(())
    }
}

/// Which table a function has; all zeros is a place that is free.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct FieldFunction {
    /// The function as in [`crate::Event::function`].
    pub function: u32,
    /// One more than the number of its table.
    pub table: u32,
}

impl FieldFunction {
    /// Places in which a function may be; they follow one another.
    pub const PLACES: u32 = 8;

    /// Its place number `attempt`.
    #[inline(always)]
    pub const fn place(function: u32, attempt: u32) -> u32 {
        const BITS: u32 = FIELD_FUNCTIONS.trailing_zeros();
        // Functions begin at multiples of 16, so the low bits alone would be poor.
        let first = function.wrapping_mul(0x9e37_79b1) >> (u32::BITS - BITS);
        first.wrapping_add(attempt) & (FIELD_FUNCTIONS - 1)
    }
}

/// Which part of which read an event is: see [`crate::EventKind::Field`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FieldPlace {
    /// The read, counted from 0.
    pub read: u32,
    /// The part of eight bytes, counted from 0.
    pub part: u32,
    /// Whether it was read when the call returned.
    pub at_exit: bool,
    /// Whether the memory could not be read; the value is 0 then.
    pub unreadable: bool,
}

impl FieldPlace {
    /// In a packed one: see [`Self::at_exit`].
    pub const AT_EXIT: u32 = 1 << 6;
    /// In a packed one: see [`Self::unreadable`].
    pub const UNREADABLE: u32 = 1 << 7;
    /// In a packed one, what a part adds.
    pub const PART: u32 = 1 << 3;

    /// As an event's `depth`: the read in the low three bits, the part above.
    #[must_use]
    pub const fn pack(self) -> u32 {
        let mut packed = self.read + self.part * Self::PART;
        if self.at_exit {
            packed |= Self::AT_EXIT;
        }
        if self.unreadable {
            packed |= Self::UNREADABLE;
        }
        packed
    }

    /// From an event's `depth`.
    #[must_use]
    pub const fn unpack(depth: u8) -> Self {
        let depth = depth as u32;
        Self {
            read: depth & 7,
            part: (depth >> 3) & 7,
            at_exit: depth & Self::AT_EXIT != 0,
            unreadable: depth & Self::UNREADABLE != 0,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn layouts_have_no_padding() {
        assert_eq!(size_of::<FieldRead>(), 4 * MAX_STEPS + 8);
        assert_eq!(
            size_of::<FieldTest>(),
            size_of::<FieldRead>() + 16 + 16 * TEST_WORDS + 8
        );
        assert_eq!(
            size_of::<FieldTable>(),
            16 + MAX_READS * size_of::<FieldRead>() + MAX_TESTS * size_of::<FieldTest>()
        );
        assert_eq!(size_of::<FieldFunction>(), 8);
    }

    #[test]
    fn places_survive_packing() {
        for packed in 0..=u8::MAX {
            let place = FieldPlace::unpack(packed);
            assert_eq!(place.pack(), u32::from(packed));
        }
    }
}
