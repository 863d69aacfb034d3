//! `--contains`: root calls in whose tree one call meets a condition.
//!
//! `kfree_skb && duration > 1ms` asks for one call that is of `kfree_skb` and took that long. A
//! name that stands alone is a function's, as `function == "kfree_skb"`; `function == "tcp_*"` has
//! a glob. `retval` and `duration` are those of the call. All of it is decided on the finished
//! tree, of a trace as of a recording.

use super::{
    condition::{self, Moment},
    names::Name,
};
use crate::{
    expr::{
        Comparison, Condition, DURATION, ExprError, Operand, Path, Problem, RETURNED, Span, Where,
        near_names,
    },
    model::{Call, FunctionTable, Node, RootCall, SleepTime},
};

/// What a call is asked for by the name of its function.
const FUNCTION: &str = "function";

/// What one call of a tree must meet.
#[derive(Clone, Debug, PartialEq)]
pub struct Contains {
    condition: Asked,
}

impl Eq for Contains {}

/// A condition on a call.
#[derive(Clone, Debug, PartialEq)]
enum Asked {
    Both(Box<Self>, Box<Self>),
    Either(Box<Self>, Box<Self>),
    Not(Box<Self>),
    Function(Name),
    Value(Condition),
}

impl Contains {
    /// Reads a condition.
    pub fn parse(source: &str) -> Result<Self, ExprError> {
        let typed = Where::parse(source)?;
        let condition = asked(&typed, &typed.condition)?;
        Ok(Self { condition })
    }

    /// Whether one call of a tree meets it.
    #[must_use]
    pub fn is_in(&self, root: &RootCall, functions: &FunctionTable, sleep: SleepTime) -> bool {
        root.nodes.iter().any(|node| match node {
            Node::Call(call) => self.condition.holds(call, functions, sleep),
            Node::Mark(_) | Node::Gap { .. } => false,
        })
    }

    /// The functions that it names.
    #[must_use]
    pub fn functions(&self) -> Vec<&Name> {
        let mut found = Vec::new();
        self.condition.functions(&mut found);
        found
    }
}

impl Asked {
    fn holds(&self, call: &Call, functions: &FunctionTable, sleep: SleepTime) -> bool {
        match self {
            Self::Both(one, other) => {
                one.holds(call, functions, sleep) && other.holds(call, functions, sleep)
            }
            Self::Either(one, other) => {
                one.holds(call, functions, sleep) || other.holds(call, functions, sleep)
            }
            Self::Not(inner) => !inner.holds(call, functions, sleep),
            Self::Function(name) => name.is(&functions.name(call.function)),
            Self::Value(condition) => {
                condition::meets(condition, call, functions, (Moment::Exit, sleep))
            }
        }
    }

    fn functions<'a>(&'a self, found: &mut Vec<&'a Name>) {
        match self {
            Self::Both(one, other) | Self::Either(one, other) => {
                one.functions(found);
                other.functions(found);
            }
            Self::Not(inner) => inner.functions(found),
            Self::Function(name) => found.push(name),
            Self::Value(_) => {}
        }
    }
}

/// What a condition asks of a call; refuses what is not known of one.
fn asked(typed: &Where, condition: &Condition) -> Result<Asked, ExprError> {
    let boxed = |condition| asked(typed, condition).map(Box::new);
    Ok(match condition {
        Condition::Both(one, other) => Asked::Both(boxed(one)?, boxed(other)?),
        Condition::Either(one, other) => Asked::Either(boxed(one)?, boxed(other)?),
        Condition::Not(inner) => Asked::Not(boxed(inner)?),
        Condition::Compare {
            left,
            comparison,
            right,
            span,
        } => {
            if let Some(name) = alone(left, span) {
                return Ok(Asked::Function(Name::new(name)));
            }
            if let Some(of) = of_function(typed, (left, *comparison, right), span)? {
                return Ok(of);
            }
            check(typed, left, right)?;
            Asked::Value(condition.clone())
        }
    })
}

/// A name that stands alone: what holds if a number of that name is not 0, elsewhere.
fn alone<'a>(left: &'a Operand, span: &Span) -> Option<&'a str> {
    let path = name(left)?;
    let is_alone =
        path.span == *span && ![RETURNED, DURATION].contains(&path.argument.text.as_str());
    is_alone.then_some(path.argument.text.as_str())
}

/// The path of an operand that is a name and nothing else.
fn name(operand: &Operand) -> Option<&Path> {
    match operand {
        Operand::Path { path, mask: None } if path.steps.is_empty() => Some(path),
        _ => None,
    }
}

/// `function == "tcp_*"` and the like, either side first.
fn of_function(
    typed: &Where,
    (left, comparison, right): (&Operand, Comparison, &Operand),
    span: &Span,
) -> Result<Option<Asked>, ExprError> {
    let is_it = |operand| name(operand).is_some_and(|path| path.argument.text == FUNCTION);
    let other = match (is_it(left), is_it(right)) {
        (true, _) => right,
        (_, true) => left,
        _ => return Ok(None),
    };
    let Operand::Text { text, is_prefix } = other else {
        let problem = "`function` is compared with a text, as in function == \"tcp_*\"";
        return Err(typed.error(span.clone(), Problem::NoComparison(problem.to_owned())));
    };
    let mut glob = String::from_utf8_lossy(text).into_owned();
    if *is_prefix {
        glob.push('*');
    }
    let named = Asked::Function(Name::new(&glob));
    match comparison {
        Comparison::Equal => Ok(Some(named)),
        Comparison::NotEqual => Ok(Some(Asked::Not(Box::new(named)))),
        _ => {
            let problem = "texts are compared by == and != alone".to_owned();
            Err(typed.error(span.clone(), Problem::NoComparison(problem)))
        }
    }
}

/// Whether a comparison is about what is known of a call: one side is `retval` or `duration`, the
/// other that, too, a number or an error's name.
fn check(typed: &Where, left: &Operand, right: &Operand) -> Result<(), ExprError> {
    let is_known = |path: &Path| [RETURNED, DURATION].contains(&path.argument.text.as_str());
    let mut has_known = false;
    for operand in [left, right] {
        match operand {
            Operand::Path { path, .. } if path.steps.is_empty() && is_known(path) => {
                has_known = true;
            }
            Operand::Path { path, mask: None }
                if path.steps.is_empty()
                    && crate::values::error_number(&path.argument.text).is_some() => {}
            Operand::Path { path, .. } => {
                let name = path.argument.text.clone();
                let near = near_names(&name, [RETURNED, DURATION, FUNCTION].into_iter());
                return Err(typed.error(path.span.clone(), Problem::NotOfCall { name, near }));
            }
            Operand::Text { .. } => {
                let problem = "only `function` is compared with a text".to_owned();
                let span = 0..typed.source.len();
                return Err(typed.error(span, Problem::NoComparison(problem)));
            }
            Operand::Number(_) | Operand::Negative(_) => {}
        }
    }
    if has_known {
        return Ok(());
    }
    let problem = "one side of a comparison is `retval`, `duration` or `function`".to_owned();
    Err(typed.error(0..typed.source.len(), Problem::NoComparison(problem)))
}

#[cfg(test)]
mod tests;
