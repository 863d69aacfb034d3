//! `tracer list --proto`: what a function takes, and what its arguments lead to.

use std::fmt::Write as _;

use super::{FieldError, fields::types_of, functions_of};
use crate::{
    expr::{Fields, Path, Problem, Word},
    kernel::{Kernel, btf::PathTypes, symbols::Function},
};

/// The prototypes of the functions that `typed` names, with the members that their arguments lead
/// to; or, where it names fields as `--arg` does, the members of these.
pub fn prototypes(kernel: &Kernel, typed: &str) -> Result<String, FieldError> {
    let fields = match Fields::parse(typed) {
        Ok(fields) => fields,
        Err(error) if error.problem == Problem::NoFunction => Fields {
            source: typed.to_owned(),
            functions: typed.trim().to_owned(),
            paths: Vec::new(),
        },
        // A module stands before the function.
        Err(_) if typed.matches(':').count() == 1 && !typed.contains(": ") => Fields {
            source: typed.to_owned(),
            functions: typed.trim().to_owned(),
            paths: Vec::new(),
        },
        Err(error) => return Err(error.into()),
    };
    let mut out = String::new();
    for function in functions_of(kernel, &fields.functions)? {
        let shown = types_of(kernel, &function, &fields.source, |types| {
            describe(kernel, types, &function, &fields, &mut out)
        });
        shown.unwrap_or_else(|| {
            let problem = Problem::NoPrototype(function.name.to_owned());
            Err(fields.error(0..fields.functions.len(), problem).into())
        })?;
    }
    Ok(out)
}

fn describe(
    kernel: &Kernel,
    types: PathTypes<'_>,
    function: &Function<'_>,
    fields: &Fields,
    out: &mut String,
) -> Result<(), FieldError> {
    let unknown = || {
        let problem = Problem::NoPrototype(function.name.to_owned());
        fields.error(0..fields.functions.len(), problem)
    };
    let prototype = kernel.prototype(function).ok_or_else(unknown)?;
    let parameters: Vec<String> = prototype
        .parameters
        .iter()
        .map(|one| declared(&one.type_name, &one.name))
        .collect();
    let returns = types.returns(function.name).unwrap_or_default();
    let declared = declared(
        &returns,
        &format!("{}({})", function.name, parameters.join(", ")),
    );
    // Writing to a string cannot fail.
    let _ = writeln!(out, "{declared}");
    let paths = if fields.paths.is_empty() {
        let named = prototype
            .parameters
            .iter()
            .filter(|one| !one.name.is_empty());
        named.map(|one| argument(&one.name)).collect()
    } else {
        fields.paths.clone()
    };
    for path in &paths {
        let members = match types.members(function.name, path) {
            Ok(members) => members.unwrap_or_default(),
            // An argument on the stack leads nowhere.
            Err(_) if fields.paths.is_empty() => continue,
            Err(error) => return Err(error.into()),
        };
        for (name, type_name) in members {
            let _ = writeln!(out, "    {path}->{name}    {type_name}");
        }
    }
    Ok(())
}

/// As C declares it: the star stands with the name.
fn declared(type_name: &str, name: &str) -> String {
    if name.is_empty() || type_name.ends_with('*') {
        format!("{type_name}{name}")
    } else {
        format!("{type_name} {name}")
    }
}

fn argument(name: &str) -> Path {
    Path {
        argument: Word {
            text: name.to_owned(),
            span: 0..0,
        },
        steps: Vec::new(),
        span: 0..0,
    }
}
