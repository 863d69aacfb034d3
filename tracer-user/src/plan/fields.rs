//! Which fields of which functions are read, and what roots are asked for.
//!
//! What was typed names functions by name or glob. A function that is named must have each field;
//! of a glob those that have all of them, and one must. What is found goes to the eBPF side as a
//! table for each function ([`crate::attach::FieldTables`]), and to who shows calls as names and
//! types.

mod asked;
mod by;
mod condition;

use std::collections::BTreeMap;

use tracer_common::{FieldTable, MAX_READS};

pub use asked::Asked;
pub use by::ByPlan;

use super::{Planned, RootError, functions_of, roots::is_glob};
use crate::{
    exit_code::{Exit, HasExit},
    expr::{self, DURATION, ExprError, Problem, RETURNED, Where},
    kernel::{
        Address, Kernel,
        btf::{PathTypes, Types},
        symbols::Function,
    },
    model::FieldInfo,
};

/// Why fields cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum FieldError {
    /// What was typed means nothing on this kernel.
    #[error(transparent)]
    Expression(#[from] ExprError),
    /// No function is called so.
    #[error(transparent)]
    Function(#[from] RootError),
    /// A short form on a root that takes nothing of the kind.
    #[error(
        "{option} is about {needs}, and `{root}` takes none: name a root that does, such as \
         {example}"
    )]
    NotAbout {
        /// The option.
        option: &'static str,
        /// What a root must take.
        needs: &'static str,
        /// The root.
        root: String,
        /// A root that does.
        example: &'static str,
    },
    /// More than there is room for.
    #[error("there is no room for the fields of more functions; narrow the pattern of --arg")]
    NoRoom,
}

impl HasExit for FieldError {
    fn exit(&self) -> Option<Exit> {
        match self {
            Self::Expression(error) => error.exit(),
            Self::Function(error) => error.exit(),
            Self::NotAbout { .. } => Some(Exit::Usage),
            Self::NoRoom => Some(Exit::Failure),
        }
    }
}

/// The fields of a trace.
#[derive(Clone, Debug, Default)]
pub struct FieldPlan {
    functions: BTreeMap<Address, FunctionFields>,
}

/// The fields of a function.
#[derive(Clone, Debug)]
pub struct FunctionFields {
    /// What is read of a call, and what is asked of it.
    pub table: FieldTable,
    /// How that is called and reads.
    pub infos: Vec<FieldInfo>,
}

impl Default for FunctionFields {
    fn default() -> Self {
        Self {
            table: FieldTable::EMPTY,
            infos: Vec::new(),
        }
    }
}

impl FieldPlan {
    /// Finds what was typed on this kernel.
    pub fn find(
        kernel: &Kernel,
        fields: &[expr::Fields],
        asked: &Asked,
        roots: &[Planned],
    ) -> Result<Self, FieldError> {
        let mut plan = Self::default();
        for one in fields {
            plan.add(kernel, one)?;
        }
        for root in roots {
            if let Some(condition) = asked.of(kernel, root)? {
                plan.ask(kernel, &condition, root)?;
            }
        }
        Ok(plan)
    }

    /// Whether there is nothing to read.
    pub fn is_empty(&self) -> bool {
        self.functions.is_empty()
    }

    /// The functions that have fields, or of which something is asked.
    pub fn functions(&self) -> impl Iterator<Item = (Address, &FunctionFields)> {
        self.functions.iter().map(|(address, own)| (*address, own))
    }

    /// The fields of the function that begins at `address`.
    pub fn infos(&self, address: Address) -> &[FieldInfo] {
        let own = self.functions.get(&address);
        own.map_or(&[], |own| own.infos.as_slice())
    }

    fn add(&mut self, kernel: &Kernel, fields: &expr::Fields) -> Result<(), FieldError> {
        let is_glob = is_glob(&fields.functions);
        let mut first_error = None;
        let mut has_any = false;
        for function in functions_of(kernel, &fields.functions)? {
            if !kernel.is_traceable_at(function.start) {
                continue;
            }
            match self.add_to(kernel, fields, &function) {
                Ok(()) => has_any = true,
                Err(error) => {
                    first_error.get_or_insert(error);
                }
            }
        }
        match first_error {
            Some(error) if !is_glob => Err(error.into()),
            _ if has_any => Ok(()),
            _ => {
                let problem = Problem::NoMatch(fields.functions.clone());
                Err(fields.error(0..fields.functions.len(), problem).into())
            }
        }
    }

    fn add_to(
        &mut self,
        kernel: &Kernel,
        fields: &expr::Fields,
        function: &Function<'_>,
    ) -> Result<(), ExprError> {
        // Nothing is changed where not all is found.
        let known = self.functions.get(&function.start).cloned();
        let mut own = known.unwrap_or_default();
        for path in &fields.paths {
            let found = types_of(kernel, function, &fields.source, |types| {
                types.find(function.name, path)
            })
            .unwrap_or_else(|| {
                let problem = Problem::NoPrototype(function.name.to_owned());
                Err(fields.error(0..fields.functions.len(), problem))
            })?;
            let name = path.to_string();
            if own.infos.iter().any(|info| info.name == name) {
                continue;
            }
            let info = FieldInfo {
                name,
                read: u8::try_from(own.table.reads).unwrap_or(u8::MAX),
                shape: found.shape,
            };
            for read in found.reads {
                if own.table.push(read).is_none() {
                    let problem = Problem::TooMany {
                        function: function.name.to_owned(),
                        most: MAX_READS,
                    };
                    return Err(fields.error(path.span.clone(), problem));
                }
            }
            own.infos.push(info);
        }
        self.functions.insert(function.start, own);
        Ok(())
    }

    /// Has what a condition on the end of a root call names read of the roots. Gives out the
    /// condition with numbers in the place of the names that the kernel has for them.
    pub fn require(
        &mut self,
        kernel: &Kernel,
        condition: &Where,
        roots: &[Planned],
    ) -> Result<Where, FieldError> {
        let mut named = condition.clone();
        for root in roots {
            let function = function_of(kernel, condition, root)?;
            let arguments = types_of(kernel, &function, "", |types| {
                types.arguments(function.name)
            })
            .flatten()
            .unwrap_or_default();
            let is_argument = |name: &str| arguments.iter().any(|argument| argument == name);
            let number = |name: &str| {
                let number = || condition::named(&kernel.types, name);
                (!is_argument(name) && name != RETURNED && name != DURATION).then(number)?
            };
            named.condition.name(&number);
            let is_known = |path: &&&expr::Path| {
                let is_own = [RETURNED, DURATION].contains(&path.argument.text.as_str());
                !(path.steps.is_empty() && is_own)
            };
            let paths = named.condition.paths();
            let fields = expr::Fields {
                source: condition.source.clone(),
                functions: root.name.clone(),
                paths: paths
                    .iter()
                    .filter(is_known)
                    .map(|&path| path.clone())
                    .collect(),
            };
            self.add_to(kernel, &fields, &function)?;
        }
        Ok(named)
    }

    /// Has a root asked for a condition.
    fn ask(
        &mut self,
        kernel: &Kernel,
        condition: &Where,
        root: &Planned,
    ) -> Result<(), FieldError> {
        let function = function_of(kernel, condition, root)?;
        let tests = types_of(kernel, &function, &condition.source, |types| {
            condition::compile(types, function.name, condition)
        })
        .ok_or_else(|| no_prototype(condition, root))??;
        let own = self.functions.entry(root.address).or_default();
        for (place, test) in own.table.test.iter_mut().zip(&tests) {
            *place = *test;
        }
        own.table.tests = u32::try_from(tests.len()).unwrap_or(0);
        Ok(())
    }
}

/// A root, that a condition asks for something.
fn function_of<'a>(
    kernel: &'a Kernel,
    condition: &Where,
    root: &Planned,
) -> Result<Function<'a>, ExprError> {
    let function = kernel.symbols.function_at(root.address);
    function.ok_or_else(|| no_prototype(condition, root))
}

fn no_prototype(condition: &Where, root: &Planned) -> ExprError {
    condition.error(0..condition.source.len(), no_type(root))
}

fn no_type(root: &Planned) -> Problem {
    Problem::NoPrototype(root.name.clone())
}

/// Does something with the types that describe a function; none if nothing does.
pub(super) fn types_of<T>(
    kernel: &Kernel,
    function: &Function<'_>,
    source: &str,
    with: impl FnOnce(PathTypes<'_>) -> T,
) -> Option<T> {
    let types = |own: &Types| {
        with(PathTypes {
            own,
            kernel: &kernel.types,
            source,
        })
    };
    match function.module {
        None => Some(types(&kernel.types)),
        Some("bpf") => None,
        Some(module) => Some(types(&*kernel.module_types(module)?)),
    }
}
