//! Operands: what is compared, and what paths are made of.

use super::{MOST_NESTING, Node, Parser};
use crate::expr::{
    condition::Operand,
    error::{ExprError, Problem, Span},
    lexer::Token,
    path::{Path, Step, Word},
};

impl Parser<'_> {
    /// What comes after a minus: a number, or the name of an error.
    pub(super) fn negative(&mut self, minus: &Span) -> Result<Node, ExprError> {
        let (token, span) = self.next();
        let span = minus.start..span.end;
        let operand = match token {
            Token::Number(number) => Operand::Number(number.wrapping_neg()),
            Token::Word(name) => Operand::Negative(Word {
                text: name,
                span: span.clone(),
            }),
            _ => return Err(self.unexpected_at(span, "a number or an error's name")),
        };
        Ok(Node::Operand(operand, span))
    }

    pub(super) fn step_before(&mut self, step: Step, span: Span) -> Result<Node, ExprError> {
        match self.unary()? {
            Node::Operand(
                Operand::Path {
                    mut path,
                    mask: None,
                },
                inner,
            ) => {
                path.steps.push(step);
                path.span = span.start..inner.end;
                let span = path.span.clone();
                Ok(Node::Operand(Operand::Path { path, mask: None }, span))
            }
            Node::Operand(_, span) | Node::Condition(_, span) => {
                Err(self.unexpected_at(span, "an argument's name"))
            }
        }
    }

    /// `(struct name *)`, `(union name *)` or `(name *)`, if that comes next.
    pub(super) fn cast(&mut self) -> Result<Option<Word>, ExprError> {
        let is_word = |token: &Token| matches!(token, Token::Word(_));
        let is_mark = |token: &Token, mark: &str| matches!(token, Token::Mark(it) if *it == mark);
        let peek = |ahead: usize| &self.tokens[(self.at + ahead).min(self.tokens.len() - 1)].0;
        if !is_mark(peek(0), "(") || !is_word(peek(1)) {
            return Ok(None);
        }
        let is_tagged = matches!(peek(1), Token::Word(word) if word == "struct" || word == "union");
        if !is_tagged && !(is_mark(peek(2), "*") && is_mark(peek(3), ")")) {
            return Ok(None);
        }
        let start = self.span().start;
        self.at += 1;
        let mut text = String::new();
        for _ in 0..=usize::from(is_tagged) {
            let (token, span) = self.next();
            let Token::Word(word) = token else {
                return Err(self.unexpected_at(span, "the name of a structure"));
            };
            if !text.is_empty() {
                text.push(' ');
            }
            text.push_str(&word);
        }
        for mark in ["*", ")"] {
            if !self.takes(mark) {
                let span = start..self.span().end;
                return Err(self.error(span, Problem::Cast));
            }
        }
        let span = start..self.tokens[self.at - 1].1.end;
        Ok(Some(Word { text, span }))
    }

    pub(super) fn postfix(&mut self) -> Result<Node, ExprError> {
        let node = self.primary()?;
        let Node::Operand(
            Operand::Path {
                mut path,
                mask: None,
            },
            start,
        ) = node
        else {
            return Ok(node);
        };
        loop {
            if self.takes("->") || self.takes(".") {
                let (token, span) = self.next();
                let Token::Word(text) = token else {
                    return Err(self.unexpected_at(span, "the name of a member"));
                };
                path.steps.push(Step::Member(Word { text, span }));
            } else if self.takes("[") {
                let (token, span) = self.next();
                let Token::Number(number) = token else {
                    return Err(self.unexpected_at(span, "the number of an element"));
                };
                path.steps.push(Step::Index { number, span });
                self.expect("]", "`]`")?;
            } else {
                break;
            }
        }
        let end = self.tokens[self.at - 1].1.end;
        path.span = start.start..end;
        let span = path.span.clone();
        Ok(Node::Operand(Operand::Path { path, mask: None }, span))
    }

    fn primary(&mut self) -> Result<Node, ExprError> {
        let (token, span) = self.next();
        match token {
            Token::Word(text) => {
                let path = Path {
                    argument: Word {
                        text,
                        span: span.clone(),
                    },
                    steps: Vec::new(),
                    span: span.clone(),
                };
                Ok(Node::Operand(Operand::Path { path, mask: None }, span))
            }
            Token::Number(number) => Ok(Node::Operand(Operand::Number(number), span)),
            Token::Text(text) => {
                let is_prefix = self.takes("*");
                Ok(Node::Operand(Operand::Text { text, is_prefix }, span))
            }
            Token::Mark("(") => {
                self.nesting += 1;
                if self.nesting > MOST_NESTING {
                    return Err(self.error(span, Problem::Nesting));
                }
                let node = self.either()?;
                self.nesting -= 1;
                self.expect(")", "`)`")?;
                Ok(node)
            }
            _ => Err(self.unexpected_at(span, "an argument's name")),
        }
    }
}
