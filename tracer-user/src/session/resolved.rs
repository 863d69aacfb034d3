//! What was typed becomes functions, fields and events of the running kernel.
//!
//! Whatever names something that is not there ends here, with near names, before anything has
//! begun. A module that is installed and not loaded is waited for.

use anyhow::Result;

use super::{Options, tell};
use crate::{
    filter::{Contains, Filter, Name},
    kernel::{
        Kernel,
        trace_events::{self, TraceEvent},
    },
    plan::{self, ByPlan, FieldPlan, Planned, RootError, Rules},
};

/// What a trace is of.
pub struct Resolved {
    /// What was asked for. The condition on what a root returns has numbers in the place of names
    /// that this kernel has for them.
    pub options: Options,
    /// The functions whose calls are root calls.
    pub roots: Vec<Planned>,
    /// Those that are excluded.
    pub excluded: Vec<Planned>,
    /// What is read of calls.
    pub fields: FieldPlan,
    /// How calls are told apart that are counted.
    pub by: Option<ByPlan>,
    /// What is marked.
    pub events: Vec<TraceEvent>,
}

impl Resolved {
    /// Finds it on this kernel.
    pub fn find(options: &Options, kernel: &Kernel, rules: &Rules) -> Result<Self> {
        let find = |typed: &[String]| plan::resolve_or_wait(kernel, rules, typed, tell::awaited);
        let roots = find(&options.roots)?;
        let excluded = find(&options.excluded)?;
        let roots = plan::without_excluded(roots, &excluded)?;
        let roots = plan::without_excluded(roots, &find(&options.not_roots)?)?;
        options.show.filter.check(roots.iter().map(|root| {
            let function = kernel.symbols.function_at(root.address);
            let prototype = function.and_then(|function| kernel.prototype(&function));
            (
                root.name.as_str(),
                prototype.map(|prototype| prototype.returns),
            )
        }))?;
        check_shown(kernel, rules, &options.show.filter)?;
        let mut fields = FieldPlan::find(kernel, &options.fields, &options.asked, &roots)?;
        let mut options = options.clone();
        if let Some(condition) = &mut options.show.filter.returned {
            *condition = fields.require(kernel, condition, &roots)?;
        }
        let by = options.by.as_ref();
        let by = by.map(|by| ByPlan::find(kernel, by, &roots)).transpose()?;
        let events = trace_events::find(&options.events)?;
        Ok(Self {
            options,
            roots,
            excluded,
            fields,
            by,
            events,
        })
    }
}

/// Checks the functions by which it is filtered.
fn check_shown(kernel: &Kernel, rules: &Rules, filter: &Filter) -> Result<(), RootError> {
    type Check = fn(&Kernel, &Rules, plan::Shown<'_>) -> Result<(), RootError>;
    let contained = filter.contains.iter().flat_map(Contains::functions);
    let checks: [(Vec<&Name>, Check); 3] = [
        (filter.through.iter().collect(), plan::check_through),
        (contained.collect(), plan::check_through),
        (filter.excluded.iter().collect(), plan::check_hidden),
    ];
    for (names, check) in checks {
        for name in names {
            let shown = plan::Shown {
                typed: &name.typed,
                is_meant: &|shown| name.is(shown),
            };
            check(kernel, rules, shown)?;
        }
    }
    Ok(())
}
