//! Did a call fail, and how?
//!
//! A kernel function says so with a negative error number (include/linux/err.h: the last page of
//! addresses, 1 to 4095), in a signed number or in a pointer. Whatever else a value may mean
//! (false, NULL, a negative enum) is the function's own business: false and NULL are failures only
//! where the user says so ([`super::Failures`]).

use crate::{
    model::ValueType,
    values::number::{self, MAX_ERRNO},
};

/// How a call failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Failure {
    /// It returned this error number, negative in the register.
    Error(u16),
    /// It returned NULL where it returns a pointer.
    Null,
    /// It returned false.
    False,
}

impl Failure {
    /// What the register of a function of this type says; none if it is no failure of any kind.
    #[must_use]
    pub fn of(returns: Option<&ValueType>, register: u64) -> Option<Self> {
        match returns {
            Some(ValueType::Signed { .. } | ValueType::Pointer) => {
                let number = number::of(returns, register)?;
                match u16::try_from(-number) {
                    Ok(errno @ 1..) if i128::from(errno) <= MAX_ERRNO => Some(Self::Error(errno)),
                    Ok(0) if returns == Some(&ValueType::Pointer) => Some(Self::Null),
                    _ => None,
                }
            }
            Some(ValueType::Bool) => (number::of(returns, register)? == 0).then_some(Self::False),
            _ => None,
        }
    }
}

/// Whether the register of a function of this type holds an error.
#[must_use]
pub fn has_failed(returns: Option<&ValueType>, register: u64) -> bool {
    matches!(Failure::of(returns, register), Some(Failure::Error(_)))
}
