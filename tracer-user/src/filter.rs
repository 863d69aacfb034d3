//! Which root calls are shown, decided when they have returned, with their whole trees.
//!
//! The kernel side has done its part before ([`tracer_common::Config`]: CPUs, tasks, cgroups). What
//! is decided here needs the end of the call: how long it took ([`Filter::slower_than`]), what it
//! returned ([`failures`], [`returns`]), what it called ([`Filter::through`],
//! [`contains`]). Conditions of
//! different kinds must all hold. A root call whose end was not seen meets none of the first two
//! kinds. `thresh` ([`threshold`]), `depth`, `--hide` ([`hide`]) and `--why-failed` ([`why`]) take
//! calls out of a tree; a root that is below the threshold leaves nothing to show.

pub mod condition;
pub mod contains;
pub mod failures;
mod hide;
pub mod names;
pub mod outcome;
pub mod returns;
pub mod select;
mod threshold;
pub(crate) mod why;

use thiserror::Error;

use crate::{
    exit_code::{Exit, HasExit},
    expr::Where,
    model::{Call, FunctionTable, Nanoseconds, Node, RootCall, SleepTime, ValueType},
};

use condition::Moment;
pub use contains::Contains;
pub use failures::Failures;
pub use names::{Name, Names, NotRecorded};
pub use outcome::Failure;
pub use returns::Returns;
pub(crate) use threshold::prune;

/// How much of a root call is shown.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Extent {
    /// All of it.
    #[default]
    Whole,
    /// The path to the function that returned the failure first. Goes with [`Filter::failed`].
    FailingPath,
}

/// Conditions on a root call. The default lets everything through.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Filter {
    /// It took longer than this.
    pub slower_than: Option<Nanoseconds>,
    /// It failed so.
    pub failed: Option<Failures>,
    /// What it returned.
    pub returns: Option<Returns>,
    /// What its arguments were when it was entered. In a live trace the kernel side decides that.
    pub entered: Option<Where>,
    /// What is known of it when it has returned.
    pub returned: Option<Where>,
    /// It called one of these, itself or further down. None named: whatever it called.
    pub through: Names,
    /// One call in its tree meets this.
    pub contains: Option<Contains>,
    /// What is shown of it.
    pub extent: Extent,
    /// The lines of these are not shown.
    pub excluded: Names,
    /// Calls, the root too, are shown only if they took at least this.
    pub threshold: Option<Nanoseconds>,
    /// Calls at this depth and deeper are not shown.
    pub depth: Option<u32>,
    /// What the times above are.
    pub sleep: SleepTime,
}

impl Filter {
    /// The root call as it is to be shown; none if it is not.
    #[must_use]
    pub fn apply(&self, mut call: RootCall, functions: &FunctionTable) -> Option<RootCall> {
        if !self.keeps(&call, functions) {
            return None;
        }
        if self.extent == Extent::FailingPath
            && let Some((root, failure)) = self.failure(&call, functions)
        {
            call.nodes = why::fold(call.nodes, root, failure, functions);
        }
        if !self.excluded.is_empty() {
            hide::hide(&mut call.nodes, &self.excluded, functions);
        }
        if let Some(threshold) = self.threshold {
            threshold::prune(&mut call.nodes, threshold, self.sleep);
        }
        if let Some(depth) = self.depth {
            // That something was lost or happened is no matter of depth.
            call.nodes.retain_mut(|node| match node {
                Node::Gap { .. } => true,
                Node::Mark(mark) => {
                    mark.depth = mark.depth.min(depth);
                    true
                }
                Node::Call(call) => call.depth < depth,
            });
        }
        (!call.nodes.is_empty()).then_some(call)
    }

    /// Whether there is anything that a root call may not meet.
    #[must_use]
    pub const fn is_active(&self) -> bool {
        self.slower_than.is_some()
            || self.threshold.is_some()
            || self.needs_value()
            || self.needs_tree()
            || self.has_conditions()
    }

    /// Whether it asks for fields or arguments of the root.
    #[must_use]
    pub const fn has_conditions(&self) -> bool {
        self.entered.is_some() || self.returned.is_some()
    }

    /// The functions that it names, with the options that do.
    pub fn named(&self) -> impl Iterator<Item = (&'static str, &Name)> {
        let through = self.through.iter().map(|name| ("--through", name));
        let contains = self.contains.iter().flat_map(Contains::functions);
        let contains = contains.map(|name| ("--contains", name));
        let hidden = self.excluded.iter().map(|name| ("--hide", name));
        through.chain(contains).chain(hidden)
    }

    /// Whether what the root called decides.
    #[must_use]
    pub const fn needs_tree(&self) -> bool {
        !self.through.is_empty() || self.contains.is_some()
    }

    /// Whether it asks for a return value, which functions that return nothing do not have.
    #[must_use]
    pub const fn needs_value(&self) -> bool {
        self.failed.is_some() || self.returns.is_some()
    }

    /// Whether any of the roots, with their names, can meet it. Without any, those that a module
    /// brings may.
    pub fn check<'a>(
        &self,
        roots: impl Iterator<Item = (&'a str, Option<ValueType>)>,
    ) -> Result<(), NeverHolds> {
        if !self.needs_value() {
            return Ok(());
        }
        let (void, other): (Vec<_>, Vec<_>) =
            roots.partition(|(_, returns)| *returns == Some(ValueType::Void));
        if other.is_empty() && !void.is_empty() {
            let names: Vec<&str> = void.into_iter().map(|(name, _)| name).collect();
            let roots = names.join(", ");
            return Err(NeverHolds { roots });
        }
        Ok(())
    }

    fn keeps(&self, call: &RootCall, functions: &FunctionTable) -> bool {
        let mut contains = self.contains.iter();
        let has_it = contains.all(|it| it.is_in(call, functions, self.sleep));
        if !has_it || !self.goes_through(call, functions) {
            return false;
        }
        if self.slower_than.is_none() && !self.needs_value() && !self.has_conditions() {
            return true;
        }
        call.root().is_some_and(|root| {
            self.is_slow(root)
                && self.has_value(root, functions)
                && self.meets_conditions(root, functions)
        })
    }

    fn meets_conditions(&self, root: &Call, functions: &FunctionTable) -> bool {
        let both = [
            (&self.entered, Moment::Entry),
            (&self.returned, Moment::Exit),
        ];
        both.into_iter().all(|(condition, moment)| {
            let mut condition = condition.iter();
            condition.all(|it| condition::holds(it, root, functions, (moment, self.sleep)))
        })
    }

    fn goes_through(&self, call: &RootCall, functions: &FunctionTable) -> bool {
        self.through.is_empty()
            || call.nodes.iter().any(|node| {
                matches!(node, Node::Call(call) if self.through.has(call.function, functions))
            })
    }

    /// Where the root's own call stands, and how it failed, if that counts.
    fn failure(&self, call: &RootCall, functions: &FunctionTable) -> Option<(usize, Failure)> {
        let register = call.root()?.closed.value()?;
        let outermost = call.nodes.iter().rposition(|node| node.depth() == 0)?;
        let Node::Call(root) = &call.nodes[outermost] else {
            return None;
        };
        let returns = functions.returns(root.function);
        let failure = self.failed.as_ref()?.find(returns, register)?;
        Some((outermost, failure))
    }

    fn is_slow(&self, root: &Call) -> bool {
        self.slower_than.is_none_or(|limit| {
            root.duration(self.sleep)
                .is_some_and(|duration| duration > limit)
        })
    }

    fn has_value(&self, root: &Call, functions: &FunctionTable) -> bool {
        if !self.needs_value() {
            return true;
        }
        let Some(register) = root.closed.value() else {
            return false;
        };
        let returns = functions
            .get(root.function)
            .and_then(|info| info.returns.as_ref());
        let matches = self
            .returns
            .is_none_or(|wanted| wanted.matches(returns, register));
        let mut failed = self.failed.iter();
        matches && failed.all(|failures| failures.find(returns, register).is_some())
    }
}

/// The filter cannot let anything through.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
#[error(
    "{roots} returns nothing, so --failed and --returns never hold; leave them out, or trace a \
    function that returns a value"
)]
pub struct NeverHolds {
    roots: String,
}

impl HasExit for NeverHolds {
    fn exit(&self) -> Option<Exit> {
        Some(Exit::Usage)
    }
}

#[cfg(test)]
mod tests;
