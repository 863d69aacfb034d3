//! A call as outputs show it.
//!
//! What is known of a call is spread: the call has registers and addresses, its function the types
//! that say what is in them, the table of functions the names. Here it is brought together, once
//! for all outputs: each asks for what it shows and is left with how to write that down.

use std::borrow::Cow;

use super::{Signature, Typed, TypedArgument, Values, format_arguments, typed, typed_arguments};
use crate::model::{Call, FunctionInfo, FunctionTable, table};

/// A call with what is known of its function.
#[derive(Clone, Copy)]
pub struct View<'a, 'c> {
    call: &'c Call,
    info: Option<&'a FunctionInfo>,
    /// Nothing where the table is not at hand.
    functions: Option<&'a FunctionTable>,
    values: Values,
}

impl<'a, 'c> View<'a, 'c> {
    /// Of a call of a function in the table.
    #[must_use]
    pub fn new(functions: &'a FunctionTable, call: &'c Call, values: Values) -> Self {
        Self::known(functions, functions.get(call.function), call, values)
    }

    /// As [`Self::new`], with what has been found in the table.
    #[must_use]
    pub const fn known(
        functions: &'a FunctionTable,
        info: Option<&'a FunctionInfo>,
        call: &'c Call,
        values: Values,
    ) -> Self {
        Self {
            call,
            info,
            functions: Some(functions),
            values,
        }
    }

    /// Of a function of which this is known, without a table: addresses stay numbers, and the
    /// caller has no name.
    #[must_use]
    pub const fn without_places(
        info: Option<&'a FunctionInfo>,
        call: &'c Call,
        values: Values,
    ) -> Self {
        Self {
            call,
            info,
            functions: None,
            values,
        }
    }

    /// The function's name.
    #[must_use]
    pub fn name(self) -> Cow<'a, str> {
        table::name(self.call.function, self.info)
    }

    /// The return value, if it was seen and there is one.
    #[must_use]
    pub fn value(self) -> Option<Typed> {
        let returns = self.info.and_then(|info| info.returns.as_ref());
        typed(returns, self.call.closed.value()?, self.values)
    }

    /// The name of the place in the caller where it goes on, if that was recorded.
    #[must_use]
    pub fn caller(self) -> Option<Cow<'a, str>> {
        let caller = self.call.details.caller()?;
        Some(self.functions?.name(caller))
    }

    /// The arguments as [`format_arguments`] writes them, if they were recorded.
    #[must_use]
    pub fn arguments(self) -> Option<String> {
        let details = &self.call.details;
        let is_recorded = !details.arguments().is_empty();
        is_recorded.then(|| format_arguments(self.signature(), details))
    }

    /// The arguments for programs, as far as they were recorded.
    #[must_use]
    pub fn typed_arguments(self) -> Vec<TypedArgument<'a, 'c>> {
        typed_arguments(self.signature(), &self.call.details)
    }

    fn signature(self) -> Signature<'a> {
        match self.functions {
            Some(functions) => Signature::of(functions, self.info),
            None => Signature::without_places(self.info),
        }
    }
}
