//! What is known of the type of a value.

use serde::{Deserialize, Serialize};

use super::RecordType;

/// The name of the type of an allocation's flags, as an enum has it whose numbers are masks.
pub const GFP: &str = "gfp_t";

/// What a function returns or takes, as far as printing it needs to know. It stands in recordings
/// as it is: see [`crate::recording::form`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum ValueType {
    /// Nothing is returned: the register holds what was left in it.
    Void,
    /// True or false, one byte.
    Bool,
    /// A signed number of that many bytes.
    Signed {
        /// Width in bytes.
        bytes: u32,
    },
    /// An unsigned number of that many bytes.
    Unsigned {
        /// Width in bytes.
        bytes: u32,
    },
    /// One of a list of named numbers.
    Enum {
        /// Its tag or its typedef's name, empty if it has neither.
        name: String,
        /// Whether its numbers are signed.
        signed: bool,
        /// Width in bytes.
        bytes: u32,
        /// The numbers and their names.
        names: Vec<(i64, String)>,
    },
    /// An address, or an error number in the highest page (IS_ERR, include/linux/err.h).
    Pointer,
    /// A structure, a union, or something else that is not one number.
    Aggregate {
        /// Size in bytes.
        bytes: u32,
    },
    /// What is recorded of a mark: no function takes or returns it.
    Record(RecordType),
}
