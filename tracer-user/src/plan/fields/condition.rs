//! A condition becomes comparisons, each of which says where to go on.
//!
//! `a && b || c` is three tests that jump forward: what is short-circuited is not read. A
//! comparison with memory that cannot be read does not hold.

use tracer_common::{FieldRead, FieldTest, MAX_TESTS, TEST_WORDS, TestKind};

use crate::{
    expr::{Comparison, Condition, ExprError, Operand, Path, Problem, Span, Where},
    kernel::btf::{PathTypes, Types},
    model::{FieldShape, ValueType},
    values,
};

/// The tests of a condition on the arguments of `function`.
pub(super) fn compile(
    types: PathTypes<'_>,
    function: &str,
    condition: &Where,
) -> Result<Vec<FieldTest>, ExprError> {
    let mut compiler = Compiler {
        types,
        function,
        source: condition,
        tests: Vec::new(),
        labels: vec![Target::Met, Target::NotMet],
    };
    compiler.condition(&condition.condition, MET, NOT_MET)?;
    if compiler.tests.len() > MAX_TESTS {
        return Err(compiler.error(0..condition.source.len(), Problem::LongCondition(MAX_TESTS)));
    }
    Ok(compiler.finish())
}

/// A place to go on at that is not known yet.
type Label = usize;

const MET: Label = 0;
const NOT_MET: Label = 1;

#[derive(Clone, Copy)]
enum Target {
    Met,
    NotMet,
    Test(usize),
}

impl Target {
    fn number(self) -> u8 {
        match self {
            Self::Met => FieldTest::MET,
            Self::NotMet => FieldTest::NOT_MET,
            Self::Test(number) => u8::try_from(number).unwrap_or(FieldTest::NOT_MET),
        }
    }
}

/// A test whose targets are labels.
struct Labelled {
    test: FieldTest,
    yes: Label,
    no: Label,
    unreadable: Label,
}

struct Compiler<'a> {
    types: PathTypes<'a>,
    function: &'a str,
    source: &'a Where,
    tests: Vec<Labelled>,
    labels: Vec<Target>,
}

/// A number that is compared, with how it is read.
struct Number {
    read: FieldRead,
    value: ValueType,
}

impl Compiler<'_> {
    fn finish(self) -> Vec<FieldTest> {
        let labels = &self.labels;
        let number = |label: Label| {
            labels
                .get(label)
                .map_or(FieldTest::NOT_MET, |it| it.number())
        };
        self.tests
            .iter()
            .map(|one| FieldTest {
                yes: number(one.yes),
                no: number(one.no),
                unreadable: number(one.unreadable),
                ..one.test
            })
            .collect()
    }

    fn error(&self, span: Span, problem: Problem) -> ExprError {
        self.source.error(span, problem)
    }

    /// A label for the test that comes next once it is placed.
    fn label(&mut self) -> Label {
        self.labels.push(Target::NotMet);
        self.labels.len() - 1
    }

    fn place(&mut self, label: Label) {
        self.labels[label] = Target::Test(self.tests.len());
    }

    fn condition(&mut self, condition: &Condition, yes: Label, no: Label) -> Result<(), ExprError> {
        match condition {
            Condition::Both(first, second) => {
                let next = self.label();
                self.condition(first, next, no)?;
                self.place(next);
                self.condition(second, yes, no)
            }
            Condition::Either(first, second) => {
                let next = self.label();
                self.condition(first, yes, next)?;
                self.place(next);
                self.condition(second, yes, no)
            }
            Condition::Not(inner) => self.condition(inner, no, yes),
            Condition::Compare {
                left,
                comparison,
                right,
                span,
            } => self.compare((left, *comparison, right), span, yes, no),
        }
    }

    fn compare(
        &mut self,
        (left, comparison, right): (&Operand, Comparison, &Operand),
        span: &Span,
        yes: Label,
        no: Label,
    ) -> Result<(), ExprError> {
        // The side that is read stands on the left.
        let (path, mask, comparison, other) = match (left, right) {
            (Operand::Path { path, mask }, other) if self.is_read(path) => {
                (path, mask, comparison, other)
            }
            (other, Operand::Path { path, mask }) => (path, mask, comparison.mirrored(), other),
            _ => {
                let problem = Problem::NoComparison(
                    "one side of a comparison is a field or an argument".to_owned(),
                );
                return Err(self.error(span.clone(), problem));
            }
        };
        let found = self.types.find(self.function, path)?;
        let read = found.reads.first().copied().unwrap_or(FieldRead::NONE);
        match (found.shape, other) {
            (FieldShape::Text | FieldShape::Characters, Operand::Text { text, is_prefix }) => {
                self.text(read, comparison, (text, *is_prefix), span, (yes, no))
            }
            (FieldShape::Value(value), other) => {
                let number = Number { read, value };
                self.number(
                    &number,
                    comparison,
                    (other, mask.as_deref()),
                    span,
                    (yes, no),
                )
            }
            (FieldShape::Text, Operand::Number(0)) => {
                // The pointer itself.
                let number = Number {
                    read: pointer_of(read),
                    value: ValueType::Pointer,
                };
                self.number(&number, comparison, (other, None), span, (yes, no))
            }
            _ => {
                let problem = Problem::NoComparison(format!(
                    "`{path}` is neither a number nor a text that could be compared"
                ));
                Err(self.error(path.span.clone(), problem))
            }
        }
    }

    /// Whether a path is something of the call, and not the name of a number.
    fn is_read(&self, path: &Path) -> bool {
        if !path.steps.is_empty() {
            return true;
        }
        let arguments = self.types.arguments(self.function);
        let is_argument = arguments.is_some_and(|names| names.contains(&path.argument.text));
        is_argument || self.named(&path.argument.text, None).is_none()
    }

    /// The number that a name stands for: of the enum that is compared, of an error, of any enum.
    fn named(&self, name: &str, value: Option<&ValueType>) -> Option<u64> {
        if let Some(ValueType::Enum { names, .. }) = value
            && let Some((number, _)) = names.iter().find(|(_, known)| known == name)
        {
            return Some(number.cast_unsigned());
        }
        named(self.types.kernel, name)
    }

    /// A number that stands in the condition.
    fn constant(
        &self,
        operand: &Operand,
        value: &ValueType,
        span: &Span,
    ) -> Result<u64, ExprError> {
        match operand {
            Operand::Number(number) => Ok(*number),
            Operand::Path { path, mask: None } if path.steps.is_empty() => {
                self.named(&path.argument.text, Some(value)).ok_or_else(|| {
                    let problem = Problem::NoComparison(format!(
                        "`{}` is no number of an enum and no error",
                        path.argument.text
                    ));
                    self.error(path.span.clone(), problem)
                })
            }
            Operand::Negative(name) => self
                .named(&name.text, Some(value))
                .map(u64::wrapping_neg)
                .ok_or_else(|| {
                    let problem = Problem::NoComparison(format!("`{}` is no error", name.text));
                    self.error(name.span.clone(), problem)
                }),
            Operand::Path { .. } => {
                let problem = Problem::NoComparison(
                    "one field is compared with a number here; --where-exit compares fields with \
                     each other"
                        .to_owned(),
                );
                Err(self.error(span.clone(), problem))
            }
            Operand::Text { .. } => {
                let problem = Problem::NoComparison(
                    "a number is compared with a number or the name of one".to_owned(),
                );
                Err(self.error(span.clone(), problem))
            }
        }
    }

    fn number(
        &mut self,
        number: &Number,
        comparison: Comparison,
        (other, mask): (&Operand, Option<&Operand>),
        span: &Span,
        (yes, no): (Label, Label),
    ) -> Result<(), ExprError> {
        let value = self.constant(other, &number.value, span)?;
        let mask = mask
            .map(|mask| self.constant(mask, &number.value, span))
            .transpose()?
            .unwrap_or(u64::MAX);
        let is_signed = number.read.flags & FieldRead::SIGNED != 0;
        // What the bits of the field can hold.
        let width = 64 - u32::from(number.read.down);
        let held = if is_signed || width >= 64 {
            u64::MAX
        } else {
            (1 << width) - 1
        };
        // Hex stands for the bits of a field: 0xfffffff5 is -11 of an `int`.
        let is_negative = is_signed && width < 64 && value >> (width - 1) == 1;
        let value = if is_negative {
            value | u64::MAX << width
        } else {
            value
        };
        let less = if is_signed {
            TestKind::Less
        } else {
            TestKind::Below
        };
        let highest = if is_signed {
            i64::MAX.cast_unsigned()
        } else {
            u64::MAX
        };
        let (kind, value, turned) = match comparison {
            Comparison::Equal => (TestKind::Equal, value & held & mask, false),
            Comparison::NotEqual => (TestKind::Equal, value & held & mask, true),
            Comparison::Less => (less, value, false),
            Comparison::GreaterOrEqual => (less, value, true),
            Comparison::LessOrEqual | Comparison::Greater if value == highest => {
                // Nothing is more: it always holds that it is as much or less.
                (TestKind::Equal, 0, comparison == Comparison::Greater)
            }
            Comparison::LessOrEqual => (less, value.wrapping_add(1), false),
            Comparison::Greater => (less, value.wrapping_add(1), true),
        };
        let always = matches!(comparison, Comparison::LessOrEqual | Comparison::Greater)
            && kind == TestKind::Equal;
        self.push(
            FieldTest {
                read: number.read,
                value,
                mask: if always { 0 } else { mask },
                kind: kind as u32,
                ..FieldTest::NONE
            },
            turned,
            (yes, no),
        );
        Ok(())
    }

    fn text(
        &mut self,
        read: FieldRead,
        comparison: Comparison,
        (text, is_prefix): (&[u8], bool),
        span: &Span,
        (yes, no): (Label, Label),
    ) -> Result<(), ExprError> {
        const MOST: usize = 8 * TEST_WORDS - 1;
        let turned = match comparison {
            Comparison::Equal => false,
            Comparison::NotEqual => true,
            _ => {
                let problem =
                    Problem::NoComparison("texts are compared by == and != alone".to_owned());
                return Err(self.error(span.clone(), problem));
            }
        };
        if text.len() > MOST {
            return Err(self.error(span.clone(), Problem::LongText(MOST)));
        }
        let (mut bytes, mut masks) = ([0; 8 * TEST_WORDS], [0; 8 * TEST_WORDS]);
        bytes[..text.len()].copy_from_slice(text);
        // The zero at the end of a whole text counts.
        let compared = text.len() + usize::from(!is_prefix);
        masks[..compared].fill(u8::MAX);
        let words = |bytes: [u8; 8 * TEST_WORDS]| {
            let (words, _) = bytes.as_chunks::<8>();
            let mut all = [0; TEST_WORDS];
            for (to, from) in all.iter_mut().zip(words) {
                *to = u64::from_ne_bytes(*from);
            }
            all
        };
        self.push(
            FieldTest {
                read,
                words: words(bytes),
                masks: words(masks),
                kind: TestKind::String as u32,
                ..FieldTest::NONE
            },
            turned,
            (yes, no),
        );
        Ok(())
    }

    /// Adds a test; a turned one holds if the comparison does not.
    fn push(&mut self, test: FieldTest, turned: bool, (yes, no): (Label, Label)) {
        let (holds, fails) = if turned { (no, yes) } else { (yes, no) };
        self.tests.push(Labelled {
            test,
            yes: holds,
            no: fails,
            unreadable: no,
        });
    }
}

/// The number of an error, or the one that any enum of the kernel has for a name.
pub(super) fn named(kernel: &Types, name: &str) -> Option<u64> {
    values::error_number(name).or_else(|| kernel.enumerator(name).map(i64::cast_unsigned))
}

/// The pointer that leads to a text.
fn pointer_of(text: FieldRead) -> FieldRead {
    FieldRead {
        steps: text.steps.saturating_sub(1),
        kind: tracer_common::FieldKind::Number as u8,
        bytes: 8,
        ..text
    }
}

#[cfg(test)]
mod tests;
