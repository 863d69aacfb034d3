//! Marks: what a trace records between the calls, such as the events of tracepoints.
//!
//! A mark's number stands in its event where a call has its function. The probe learns number and
//! size from its cookie, so that one program serves all marks; the record follows in parts of eight
//! bytes ([`crate::EventKind::MarkPart`]).

/// The number of the first kind of mark, in place of a function's. Functions lie in the last 2 GiB,
/// and in a recording they are counted from the beginning of the kernel's text: neither reaches
/// these numbers, which end where the upper half begins.
pub const FIRST_MARK: u32 = 0x7f00_0000;
/// Eight bytes each that are recorded of a mark at most.
pub const MAX_MARK_PARTS: u32 = 24;

/// What the probe of a mark knows of it: its cookie (bpf_get_attach_cookie).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct MarkCookie {
    /// Its number, from [`FIRST_MARK`] on.
    pub number: u32,
    /// Bytes of what it records, if they are always as many.
    pub bytes: u16,
    /// Where in its record the place of the last part of variable length stands, as
    /// `__data_loc` has it (include/trace/stages/stage1_struct_define.h); 0 if there is none.
    pub last_variable: u16,
}

impl MarkCookie {
    /// As a number.
    #[must_use]
    pub const fn pack(self) -> u64 {
        self.number as u64 | (self.bytes as u64) << 32 | (self.last_variable as u64) << 48
    }

    /// From a number.
    #[inline(always)]
    #[must_use]
    #[allow(clippy::cast_possible_truncation, reason = "the fields of a number")]
    pub const fn unpack(number: u64) -> Self {
        Self {
            number: number as u32,
            bytes: (number >> 32) as u16,
            last_variable: (number >> 48) as u16,
        }
    }
}

/// Where a tracepoint's record begins for its readers, bytes: before stands what all have in
/// common (`struct trace_entry`, include/linux/trace_events.h), which a program does not see.
pub const MARK_RECORD: u16 = 8;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cookies_of_marks_survive_packing() {
        let cookie = MarkCookie {
            number: FIRST_MARK + 0x0001_0203,
            bytes: 0x0405,
            last_variable: 0x0607,
        };
        assert_eq!(MarkCookie::unpack(cookie.pack()), cookie);
    }
}
