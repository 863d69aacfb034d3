//! From words and marks to paths and conditions.
//!
//! There is one grammar, that of C's expressions as far as it is needed, read from left to right
//! without ever going back: `||`, `&&`, comparisons, `&`, then `!`, `-`, `*` and casts, then `->`,
//! `.` and `[]`. Whether what came out is a path or a condition is looked at afterwards.

mod operand;

use super::{
    condition::{Comparison, Condition, Operand},
    error::{ExprError, Problem, Span},
    lexer::{Token, tokens},
    path::{Path, Step},
};

/// Parentheses, casts and marks before an operand that may be within each other.
const MOST_NESTING: usize = 32;

/// What a piece of an expression has come out as.
enum Node {
    Condition(Condition, Span),
    Operand(Operand, Span),
}

/// An expression on its way.
pub(super) struct Parser<'a> {
    source: &'a str,
    tokens: Vec<(Token, Span)>,
    at: usize,
    nesting: usize,
}

impl<'a> Parser<'a> {
    /// At the beginning.
    pub(super) fn new(source: &'a str) -> Result<Self, ExprError> {
        Ok(Self {
            source,
            tokens: tokens(source)?,
            at: 0,
            nesting: 0,
        })
    }

    /// At what begins at `start`.
    pub(super) fn from(source: &'a str, start: usize) -> Result<Self, ExprError> {
        let rest = source.get(start..).unwrap_or_default();
        // Places are those of the whole.
        let moved = |span: Span| span.start + start..span.end + start;
        let tokens = tokens(rest)
            .map_err(|error| ExprError::new(source, moved(error.span), error.problem))?;
        Ok(Self {
            source,
            tokens: tokens
                .into_iter()
                .map(|(token, at)| (token, moved(at)))
                .collect(),
            at: 0,
            nesting: 0,
        })
    }

    /// Paths with commas between them, to the end.
    pub(super) fn paths(&mut self) -> Result<Vec<Path>, ExprError> {
        let mut paths = Vec::new();
        loop {
            paths.push(self.path()?);
            if !self.takes(",") {
                break;
            }
        }
        self.end("`,` or the end")?;
        Ok(paths)
    }

    /// A condition, to the end.
    pub(super) fn whole_condition(&mut self) -> Result<Condition, ExprError> {
        let node = self.either()?;
        let condition = self.condition(node)?;
        self.end("&&, || or the end")?;
        Ok(condition)
    }

    /// A number of a call, to the end: a path, and which of its bits count.
    pub(super) fn whole_number(&mut self) -> Result<(Path, Option<Operand>), ExprError> {
        let found = match self.masked()? {
            Node::Operand(Operand::Path { path, mask }, _) => (path, mask.map(|mask| *mask)),
            Node::Operand(_, span) | Node::Condition(_, span) => {
                return Err(self.unexpected_at(span, "an argument's name"));
            }
        };
        self.end("& or the end")?;
        Ok(found)
    }

    fn path(&mut self) -> Result<Path, ExprError> {
        match self.unary()? {
            Node::Operand(
                Operand::Path {
                    path, mask: None, ..
                },
                _,
            ) => Ok(path),
            Node::Operand(_, span) | Node::Condition(_, span) => {
                Err(self.unexpected_at(span, "an argument's name"))
            }
        }
    }

    fn either(&mut self) -> Result<Node, ExprError> {
        self.joined("||", Self::both, Condition::Either)
    }

    fn both(&mut self) -> Result<Node, ExprError> {
        self.joined("&&", Self::compared, Condition::Both)
    }

    /// What `part` reads, once or with `mark` between.
    fn joined(
        &mut self,
        mark: &str,
        part: fn(&mut Self) -> Result<Node, ExprError>,
        join: fn(Box<Condition>, Box<Condition>) -> Condition,
    ) -> Result<Node, ExprError> {
        let mut node = part(self)?;
        while self.takes(mark) {
            let first = self.condition(node)?;
            let second = part(self)?;
            let second = self.condition(second)?;
            let span = 0..self.source.len();
            node = Node::Condition(join(Box::new(first), Box::new(second)), span);
        }
        Ok(node)
    }

    fn compared(&mut self) -> Result<Node, ExprError> {
        let left = self.masked()?;
        let Some(comparison) = self.comparison() else {
            return Ok(left);
        };
        let right = self.masked()?;
        let (Node::Operand(left, first), Node::Operand(right, last)) = (left, right) else {
            let span = self.tokens[self.at - 1].1.clone();
            return Err(self.unexpected_at(span, "a path, a number or a text on both sides"));
        };
        let span = first.start..last.end;
        Ok(Node::Condition(
            Condition::Compare {
                left,
                comparison,
                right,
                span: span.clone(),
            },
            span,
        ))
    }

    fn comparison(&mut self) -> Option<Comparison> {
        let (Token::Mark(mark), _) = &self.tokens[self.at] else {
            return None;
        };
        let comparison = Comparison::of(mark)?;
        self.at += 1;
        Some(comparison)
    }

    fn masked(&mut self) -> Result<Node, ExprError> {
        let node = self.unary()?;
        if !self.takes("&") {
            return Ok(node);
        }
        let right = self.unary()?;
        let (
            Node::Operand(Operand::Path { path, mask: None }, first),
            Node::Operand(right @ (Operand::Number(_) | Operand::Path { .. }), last),
        ) = (node, right)
        else {
            let span = self.tokens[self.at - 1].1.clone();
            return Err(self.unexpected_at(span, "PATH & NUMBER"));
        };
        let mask = Some(Box::new(right));
        let operand = Operand::Path { path, mask };
        Ok(Node::Operand(operand, first.start..last.end))
    }

    fn unary(&mut self) -> Result<Node, ExprError> {
        self.nesting += 1;
        if self.nesting > MOST_NESTING {
            let span = self.span();
            return Err(self.error(span, Problem::Nesting));
        }
        let node = self.prefixed();
        self.nesting -= 1;
        node
    }

    fn prefixed(&mut self) -> Result<Node, ExprError> {
        let span = self.span();
        if self.takes("!") {
            let node = self.unary()?;
            let inner = self.condition(node)?;
            return Ok(Node::Condition(Condition::Not(Box::new(inner)), span));
        }
        if self.takes("-") {
            return self.negative(&span);
        }
        if self.takes("*") {
            return self.step_before(Step::Follow { span: span.clone() }, span);
        }
        if let Some(to) = self.cast()? {
            return self.step_before(Step::Cast { to }, span);
        }
        self.postfix()
    }

    /// Something that holds or does not: a number holds if it is not 0.
    fn condition(&self, node: Node) -> Result<Condition, ExprError> {
        match node {
            Node::Condition(condition, _) => Ok(condition),
            Node::Operand(left @ Operand::Path { .. }, span) => Ok(Condition::Compare {
                left,
                comparison: Comparison::NotEqual,
                right: Operand::Number(0),
                span,
            }),
            Node::Operand(_, span) => Err(self.unexpected_at(span, "a comparison")),
        }
    }

    fn span(&self) -> Span {
        self.tokens[self.at].1.clone()
    }

    /// The next piece; the end stays where it is.
    fn next(&mut self) -> (Token, Span) {
        let next = self.tokens[self.at].clone();
        if self.at + 1 < self.tokens.len() {
            self.at += 1;
        }
        next
    }

    fn takes(&mut self, mark: &str) -> bool {
        let is_next = matches!(&self.tokens[self.at].0, Token::Mark(next) if *next == mark);
        self.at += usize::from(is_next);
        is_next
    }

    fn expect(&mut self, mark: &str, wanted: &'static str) -> Result<(), ExprError> {
        if self.takes(mark) {
            return Ok(());
        }
        Err(self.unexpected_at(self.span(), wanted))
    }

    fn end(&self, wanted: &'static str) -> Result<(), ExprError> {
        match &self.tokens[self.at] {
            (Token::End, _) => Ok(()),
            (_, span) => Err(self.unexpected_at(span.clone(), wanted)),
        }
    }

    fn error(&self, span: Span, problem: Problem) -> ExprError {
        ExprError::new(self.source, span, problem)
    }

    /// What begins at a place is not what should.
    fn unexpected_at(&self, span: Span, wanted: &'static str) -> ExprError {
        let token = self.tokens.iter().find(|(_, at)| at.start >= span.start);
        let found = token.map_or_else(|| Token::End.shown(), |(token, _)| token.shown());
        self.error(span, Problem::Unexpected { found, wanted })
    }
}
