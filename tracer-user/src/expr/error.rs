//! What is wrong with an expression, and where.
//!
//! An error is one sentence; [`ExprError::picture`] shows the expression with a caret at the place.

use std::{fmt::Write as _, ops::Range};

use thiserror::Error;

use crate::exit_code::{Exit, HasExit};

/// Where something stands in what was typed, bytes.
pub type Span = Range<usize>;

/// An expression that cannot be used.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
#[error("{problem} (in `{source_text}`, column {})", self.column())]
pub struct ExprError {
    /// All that was typed.
    pub source_text: String,
    /// The place.
    pub span: Span,
    /// What is wrong there.
    pub problem: Problem,
}

/// What is wrong with an expression.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub enum Problem {
    /// Something else should stand there.
    #[error("{found} where {wanted} should be")]
    Unexpected {
        /// What stands there.
        found: String,
        /// What should.
        wanted: &'static str,
    },
    /// A character that no expression has.
    #[error("`{0}` has no meaning in an expression")]
    Character(String),
    /// A number that does not fit.
    #[error("the number does not fit 64 bits")]
    Number,
    /// A number with a unit that nobody knows.
    #[error("no number ends with `{0}`; units are ns, us, ms, s and K, M, G")]
    Unit(String),
    /// A text without its end.
    #[error("the text has no end: a second \" is missing")]
    OpenText,
    /// A text that is longer than what is compared.
    #[error("the text is longer than the {0} bytes that are compared")]
    LongText(usize),
    /// Parentheses within parentheses.
    #[error("that many parentheses cannot be looked through")]
    Nesting,
    /// The functions are missing.
    #[error("no function is named: write FUNCTION: FIELD, as in `tcp_sendmsg: sk->sk_wmem_queued`")]
    NoFunction,
    /// A function has no such argument.
    #[error("`{function}` has no argument `{name}`{}", near_of(.near))]
    NoArgument {
        /// The function.
        function: String,
        /// The argument.
        name: String,
        /// Those that it has.
        near: Vec<String>,
    },
    /// An argument that is in no register.
    #[error("the argument `{0}` is passed on the stack, and fields are read from registers")]
    OnStack(String),
    /// A structure has no such member.
    #[error("`{structure}` has no member `{name}`{}", near_of(.near))]
    NoMember {
        /// The structure.
        structure: String,
        /// The member.
        name: String,
        /// Those that look like it.
        near: Vec<String>,
    },
    /// Something that has no members.
    #[error("`{0}` has no members")]
    NoMembers(String),
    /// A type of which the kernel says nothing but its name.
    #[error(
        "the kernel does not describe `{0}`; cast to a type that it does, as in ((struct tcp_sock *)sk)->snd_cwnd"
    )]
    Opaque(String),
    /// A type that nobody knows.
    #[error("the kernel has no type `{name}`{}", near_of(.near))]
    NoType {
        /// The type.
        name: String,
        /// Those that look like it.
        near: Vec<String>,
    },
    /// An index of what is no array.
    #[error("`{0}` is neither an array nor a pointer, so it has no element")]
    NoElements(String),
    /// An index beyond the end.
    #[error("the array has {0} elements, counted from 0")]
    Beyond(u32),
    /// An index that leads too far away.
    #[error("that element lies more than 2 GiB away")]
    TooFar,
    /// A pointer should stand there.
    #[error("`{0}` is no pointer")]
    NoPointer(String),
    /// Too many pointers in a row.
    #[error("the path follows more than {0} pointers")]
    TooDeep(usize),
    /// Something that is no number, address or text.
    #[error("`{name}` has {bytes} bytes, and a field has at most {most}: name a member of it")]
    TooLarge {
        /// The type.
        name: String,
        /// Its size, bytes.
        bytes: u32,
        /// The most.
        most: usize,
    },
    /// A cast to what is no pointer.
    #[error("a cast is to a pointer to a structure, as in ((struct tcp_sock *)sk)->snd_cwnd")]
    Cast,
    /// More than a function has room for.
    #[error("`{function}` has room for {most} fields")]
    TooMany {
        /// The function.
        function: String,
        /// The most.
        most: usize,
    },
    /// A condition that is too long.
    #[error("the condition has more than {0} comparisons")]
    LongCondition(usize),
    /// Two things that cannot be compared.
    #[error("{0}")]
    NoComparison(String),
    /// Something by which calls cannot be counted.
    #[error("`{0}` is no number, and calls are counted by numbers")]
    NoNumber(String),
    /// Something that is not known of a call in a tree.
    #[error(
        "`{name}` is not known of a call: a function's name stands alone, what is compared is \
         retval, duration or function{}",
        near_of(.near)
    )]
    NotOfCall {
        /// What was typed.
        name: String,
        /// Names that look like it.
        near: Vec<String>,
    },
    /// A function that tells nothing of its arguments.
    #[error("the kernel has no type for `{0}`, so its arguments are not known")]
    NoPrototype(String),
    /// A glob of which no function has the field.
    #[error("no traceable function that matches `{0}` has such an argument")]
    NoMatch(String),
}

impl HasExit for ExprError {
    fn exit(&self) -> Option<Exit> {
        Some(Exit::Usage)
    }
}

fn near_of(near: &[String]) -> String {
    match near {
        [] => String::new(),
        near => format!("; there is {}", near.join(", ")),
    }
}

impl ExprError {
    /// At a place of what was typed.
    #[must_use]
    pub fn new(source: &str, span: Span, problem: Problem) -> Self {
        Self {
            source_text: source.to_owned(),
            span,
            problem,
        }
    }

    /// The column of the place, characters, counted from 1.
    #[must_use]
    pub fn column(&self) -> usize {
        let before = self.source_text.get(..self.span.start);
        before.map_or(0, |before| before.chars().count()) + 1
    }

    /// The expression in one line, and carets under the place in the next.
    #[must_use]
    pub fn picture(&self) -> String {
        let marked = self.source_text.get(self.span.clone());
        let carets = marked.map_or(1, |marked| marked.chars().count()).max(1);
        let mut picture = format!("  {}\n  ", self.source_text);
        // Writing to a string cannot fail.
        let _ = write!(
            picture,
            "{:before$}{}",
            "",
            "^".repeat(carets),
            before = self.column() - 1
        );
        picture
    }
}

/// Names that look like one, the likeliest first.
#[must_use]
pub fn near_names<'a>(name: &str, all: impl Iterator<Item = &'a str>) -> Vec<String> {
    const MOST: usize = 4;
    let rate = |other: &str| {
        let holds = other.contains(name) || name.contains(other) && other.len() > 2;
        let likeness = strsim::jaro_winkler(name, other) + if holds { 0.2 } else { 0.0 };
        (likeness > 0.75).then_some(likeness)
    };
    let mut rated: Vec<(f64, &str)> = all
        .filter(|other| !other.is_empty())
        .filter_map(|other| Some((rate(other)?, other)))
        .collect();
    rated.sort_by(|(one, _), (other, _)| other.total_cmp(one));
    let mut near: Vec<String> = Vec::new();
    for (_, name) in rated {
        if near.len() < MOST && !near.iter().any(|known| known == name) {
            near.push(name.to_owned());
        }
    }
    near
}
