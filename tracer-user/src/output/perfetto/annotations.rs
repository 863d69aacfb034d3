//! What is known of a call, as annotations of its slice.
//!
//! Each is a name and a value; arguments and fields are groups of them. All of it is what [`View`]
//! has: a fact that has no name here is not shown.

use super::{
    PerfettoWriter,
    messages::{Annotated, DebugAnnotation},
};
use crate::{
    model::{Call, FunctionInfo},
    values::{Typed, View},
};

impl<'a, W> PerfettoWriter<'a, W> {
    /// Those of a call.
    pub(super) fn annotations(
        &mut self,
        call: &Call,
        info: Option<&'a FunctionInfo>,
    ) -> Vec<DebugAnnotation> {
        let mut all = vec![self.annotation("cpu", Annotated::Unsigned(call.cpu.0.into()))];
        let view = View::known(self.functions, info, call, self.values);
        for (name, time) in view.times() {
            all.push(self.annotation(name, Annotated::Unsigned(time.0)));
        }
        let value = view.value();
        if let Some(value) = value {
            all.push(self.annotation("value", value.into()));
        }
        if let Some(error) = value.and_then(Typed::error_name) {
            all.push(self.annotation("error", Annotated::Text(error.to_owned())));
        }
        if let Some(caller) = view.caller() {
            all.push(self.annotation("caller", Annotated::Text(caller.into_owned())));
        }
        let dict_entries: Vec<_> = view
            .typed_arguments()
            .into_iter()
            .filter_map(|argument| {
                let text = argument.text.map(|text| Annotated::Text(text.into_owned()));
                let symbol = argument.symbol.map(|name| Annotated::Text(name.to_owned()));
                let value = text.or(symbol);
                let value = value.or_else(|| argument.value.map(Annotated::from))?;
                Some(self.annotation(argument.name, value))
            })
            .collect();
        all.extend(self.group("arguments", dict_entries));
        let (mut entry, mut exit) = (Vec::new(), Vec::new());
        for field in view.typed_fields() {
            let value = field.value.map(Annotated::from);
            entry.extend(value.map(|value| self.annotation(field.name, value)));
            let value = field.at_exit.flatten().map(Annotated::from);
            exit.extend(value.map(|value| self.annotation(field.name, value)));
        }
        all.extend(self.group("fields", entry));
        all.extend(self.group("fields_at_exit", exit));
        all
    }

    /// Annotations under a name; none if there are none.
    fn group(
        &mut self,
        name: &'static str,
        dict_entries: Vec<DebugAnnotation>,
    ) -> Option<DebugAnnotation> {
        (!dict_entries.is_empty()).then(|| DebugAnnotation {
            name_iid: self.names.word(name),
            value: None,
            dict_entries,
        })
    }

    pub(super) fn annotation(&mut self, name: &'a str, value: Annotated) -> DebugAnnotation {
        DebugAnnotation {
            name_iid: self.names.word(name),
            value: Some(value),
            dict_entries: Vec::new(),
        }
    }
}
