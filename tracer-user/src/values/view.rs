//! A call as outputs show it.
//!
//! What is known of a call is spread: the call has registers and addresses, its function the types
//! that say what is in them, the table of functions the names. Here it is brought together, once
//! for all outputs: each asks for what it shows and is left with how to write that down.

use std::borrow::Cow;

use super::{
    Signature, Typed, TypedArgument, TypedField, UserFrame, Values, fields, format_arguments,
    typed, typed_arguments,
};
use crate::model::{Arguments, Call, FieldInfo, FunctionInfo, FunctionTable, Nanoseconds, table};

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
            functions: Some(functions),
            ..Self::without_places(info, call, values)
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

    /// The times of a call that slept, beside its duration, in ns: each with its name in the forms
    /// for programs.
    pub fn times(self) -> impl Iterator<Item = (&'static str, Nanoseconds)> {
        let has_slept = self.call.off_cpu.0 > 0;
        let times = [
            ("off_cpu_ns", Some(self.call.off_cpu)),
            ("cpu_ns", self.call.cpu_time()),
        ];
        let times = times.into_iter().filter(move |_| has_slept);
        times.filter_map(|(name, time)| Some((name, time?)))
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

    /// The names of the kernel frames above it, its caller first, as far as they were recorded.
    pub fn stack(self) -> impl Iterator<Item = Cow<'a, str>> {
        let functions = self.functions.into_iter();
        functions.flat_map(move |functions| {
            let frames = self.call.details.stack().iter();
            frames.map(|&frame| functions.name(frame))
        })
    }

    /// The stack of the process, the innermost frame first, if it was recorded.
    #[must_use]
    pub fn user_stack(self) -> Option<Vec<UserFrame<'a>>> {
        let stack = self.call.details.user_stack()?;
        // Where code keeps no frame pointer, the walk may end with what is no address.
        let frames = stack.frames.iter().take_while(|&&address| address != 0);
        let frames = frames.map(|&address| UserFrame {
            address,
            place: self
                .functions
                .and_then(|functions| functions.user_place(stack.image, address)),
        });
        Some(frames.collect())
    }

    /// The arguments as [`format_arguments`] writes them, and after them the fields, as far as they
    /// were recorded: `sk=0xffff888004a3c000, size=7; sk->sk_wmem_queued=8192→8199`.
    #[must_use]
    pub fn arguments(self) -> Option<String> {
        self.given(Arguments::Recorded)
    }

    /// As [`Self::arguments`], with the arguments only where they are wanted.
    #[must_use]
    pub fn given(self, arguments: Arguments) -> Option<String> {
        let details = &self.call.details;
        let is_recorded = arguments == Arguments::Recorded && !details.arguments().is_empty();
        let arguments = is_recorded.then(|| format_arguments(self.signature(), details));
        let fields = fields::format_fields(self.functions, self.field_infos(), details);
        match (arguments, fields) {
            (Some(arguments), Some(fields)) => Some(format!("{arguments}; {fields}")),
            (arguments, fields) => arguments.or(fields),
        }
    }

    /// The fields for programs, as far as they were recorded.
    #[must_use]
    pub fn typed_fields(self) -> Vec<TypedField<'a>> {
        fields::typed_fields(self.functions, self.field_infos(), &self.call.details)
    }

    fn field_infos(self) -> &'a [FieldInfo] {
        self.info.map_or(&[], |info| &info.fields)
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
