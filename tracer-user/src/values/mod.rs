//! A value as its type says it should read.
//!
//! `returned` is a return value for the reader, `typed` the same for programs, `register` the
//! number that a register holds by its type, [`number`] a value as conditions compare it, `listed`
//! the names in an enum. `arguments` and `fields` do the same for what is passed and what it points
//! to, `errno` has the names of errors, `string` is for strings. [`View`] brings together what is
//! known of a call, [`words`] has what is said of it: each output takes from there what it shows.
//! Every value and name that comes from outside passes [`escape`] before it is written.
//!
//! `Style::Hex` is what function_graph prints with `funcgraph-retval-hex` (print_graph_retval,
//! kernel/trace/trace_functions_graph.c): the register, of every function alike.

mod arguments;
mod bytes;
mod errno;
pub mod escape;
mod fields;
mod listed;
pub mod number;
mod print;
mod record;
mod register;
mod returned;
mod span;
mod stack;
mod string;
mod typed;
mod view;
pub mod words;

pub use arguments::{Signature, TypedArgument, format_arguments, typed_arguments};
pub use errno::{name as name_of_error, number as error_number};
pub use fields::{FieldValue, TypedField, UNREADABLE};
pub use record::{MarkView, RecordValue};
pub use register::{sign_extended, truncated};
pub use returned::{append_return, format_return};
pub use span::span;
pub use stack::{UserFrame, why_short};
pub use typed::{Typed, returned_error, typed};
pub use view::View;

/// How return values are written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Style {
    /// By the function's type.
    #[default]
    Typed,
    /// The whole register in hex.
    Hex,
}

/// How the user wants return values.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum Values {
    /// By the function's type; nothing for `void`.
    #[default]
    Typed,
    /// Every return register in hex, as function_graph's `funcgraph-retval-hex`.
    Hex,
    /// Not at all.
    Hidden,
}

#[cfg(test)]
mod tests;
