//! Did a call fail?
//!
//! A kernel function says so with a negative error number (include/linux/err.h: the last page of
//! addresses, 1 to 4095), in a signed number or in a pointer. Whatever else a value may mean
//! (false, NULL, a negative enum) is the function's own business.

use crate::{
    model::ValueType,
    values::number::{self, MAX_ERRNO},
};

/// Whether the register of a function of this type holds an error.
#[must_use]
pub fn has_failed(returns: Option<&ValueType>, register: u64) -> bool {
    match returns {
        Some(ValueType::Signed { .. } | ValueType::Pointer) => {
            number::of(returns, register).is_some_and(|number| (-MAX_ERRNO..0).contains(&number))
        }
        _ => false,
    }
}
