//! How a return register is read where it is decided in the kernel what becomes of a call.

/// How a return register is read, in one word.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Returned(pub u64);

impl Returned {
    /// The function returns nothing that could be compared.
    pub const NOTHING: Self = Self(0);
    const HAS_VALUE: u64 = 1 << 8;
    const IS_SIGNED: u64 = 1 << 9;
    const MAY_FAIL: u64 = 1 << 10;

    /// A number of that many bytes, 1 to 8.
    #[must_use]
    pub const fn number(bytes: u32, signed: bool) -> Self {
        let shift = 64 - 8 * bytes as u64;
        Self(shift | Self::HAS_VALUE | if signed { Self::IS_SIGNED } else { 0 })
    }

    /// Likewise, and small negative numbers are errors.
    #[must_use]
    pub const fn or_error(self) -> Self {
        Self(self.0 | Self::MAY_FAIL)
    }

    /// Whether there is a number at all.
    #[must_use]
    #[inline(always)]
    pub const fn has_value(self) -> bool {
        self.0 & Self::HAS_VALUE != 0
    }

    /// The number in the register.
    #[must_use]
    #[inline(always)]
    pub const fn value(self, register: u64) -> i64 {
        let shift = (self.0 & 63) as u32;
        let high = register.wrapping_shl(shift);
        if self.0 & Self::IS_SIGNED != 0 {
            high.cast_signed().wrapping_shr(shift)
        } else {
            high.wrapping_shr(shift).cast_signed()
        }
    }

    /// The error number in the register, as [`Self::error`] has it of [`Self::value`]: without
    /// shifts where the number has 4 bytes or 8, as nearly all have.
    #[must_use]
    #[inline(always)]
    pub const fn error_in(self, register: u64) -> u64 {
        if self.0 & Self::MAY_FAIL == 0 {
            return 0;
        }
        let error = match self.0 & 63 {
            0 => register.wrapping_neg(),
            32 => register.wrapping_neg() & u32::MAX as u64,
            _ => return self.error(self.value(register)),
        };
        if error.wrapping_sub(1) < 4095 {
            error
        } else {
            0
        }
    }

    /// The error number of a value, positive; 0 if it is none (MAX_ERRNO, include/linux/err.h).
    #[must_use]
    #[inline(always)]
    pub const fn error(self, value: i64) -> u64 {
        let error = value.wrapping_neg().cast_unsigned();
        if self.0 & Self::MAY_FAIL != 0 && error.wrapping_sub(1) < 4095 {
            error
        } else {
            0
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_is_found_without_shifts() {
        let numbers = [1, 2, 4, 8].map(|bytes| Returned::number(bytes, true).or_error());
        let registers = [
            0,
            1,
            0xf5,
            0xfff5,
            0xffff_fff5,
            u64::MAX,
            u64::MAX - 4094,
            u64::MAX - 4095,
        ];
        for returned in numbers.into_iter().chain([Returned::NOTHING]) {
            for register in registers {
                let error = returned.error(returned.value(register));
                assert_eq!(
                    returned.error_in(register),
                    error,
                    "{returned:?} {register:x}"
                );
            }
        }
    }

    #[test]
    fn registers_are_read_by_their_type() {
        let int = Returned::number(4, true).or_error();
        assert_eq!(int.value(0xffff_fff5), -11);
        assert_eq!(int.error(-11), 11);
        assert_eq!(int.error(0), 0);
        assert_eq!(int.error(-4096), 0);
        assert_eq!(Returned::number(4, false).value(0xffff_fff5), 0xffff_fff5);
        assert_eq!(Returned::number(1, false).value(0x1_01), 1);
        assert_eq!(Returned::number(8, true).error(-11), 0);
        assert!(!Returned::NOTHING.has_value());
    }
}
