//! A condition becomes comparisons, each of which says where to go on.
//!
//! `a && b || c` is three tests that jump forward: what is short-circuited is not read. A comparison
//! with memory that cannot be read does not hold.

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
struct Test {
    test: FieldTest,
    yes: Label,
    no: Label,
    unreadable: Label,
}

struct Compiler<'a> {
    types: PathTypes<'a>,
    function: &'a str,
    source: &'a Where,
    tests: Vec<Test>,
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
        let is_argument =
            arguments.is_some_and(|names| names.iter().any(|name| *name == path.argument.text));
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
            _ => {
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
                kind: TestKind::Text as u32,
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
        self.tests.push(Test {
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
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// `int f(int a, unsigned int b, unsigned char c)`, as BTF has it.
    fn types() -> Types {
        let names = b"\0int\0unsigned int\0unsigned char\0a\0b\0c\0f\0";
        let at = |name: &str| {
            let wanted = format!("\0{name}\0");
            let found = names
                .windows(wanted.len())
                .position(|it| it == wanted.as_bytes());
            u32::try_from(found.unwrap()).unwrap() + 1
        };
        let (integer, prototype, function) = (1 << 24, 13 << 24 | 3, 12 << 24);
        #[rustfmt::skip]
        let words = [
            at("int"), integer, 4, 0x0100_0020,
            at("unsigned int"), integer, 4, 32,
            at("unsigned char"), integer, 1, 8,
            0, prototype, 1, at("a"), 1, at("b"), 2, at("c"), 3,
            at("f"), function, 4,
        ];
        let length = u32::try_from(4 * words.len()).unwrap();
        let strings = u32::try_from(names.len()).unwrap();
        let header = [0x0001_eb9f, 24, 0, length, length, strings];
        let words = header.into_iter().chain(words);
        let bytes = words.flat_map(u32::to_ne_bytes);
        Types::parse(bytes.chain(names.iter().copied()).collect()).unwrap()
    }

    fn compiled(typed: &str) -> Result<Vec<FieldTest>, ExprError> {
        let types = types();
        let condition = Where::parse(typed)?;
        let within = PathTypes {
            own: &types,
            kernel: &types,
            source: typed,
        };
        compile(within, "f", &condition)
    }

    /// What the eBPF side does (`meets` in tracer-ebpf/src/fields.rs), for arguments in registers.
    fn meets(tests: &[FieldTest], registers: [u64; 3]) -> bool {
        let mut next = 0;
        for (number, test) in tests.iter().enumerate() {
            if number != next {
                continue;
            }
            let read = test.read;
            let moved = registers[read.register as usize] << read.up;
            let number = if read.flags & FieldRead::SIGNED != 0 {
                (moved.cast_signed() >> read.down).cast_unsigned()
            } else {
                moved >> read.down
            };
            let (number, value) = (number & test.mask, test.value);
            let holds = match test.kind {
                kind if kind == TestKind::Equal as u32 => number == value,
                kind if kind == TestKind::Less as u32 => number.cast_signed() < value.cast_signed(),
                _ => number < value,
            };
            match if holds { test.yes } else { test.no } {
                FieldTest::MET => return true,
                FieldTest::NOT_MET => return false,
                after => next = after.into(),
            }
        }
        panic!("a condition without an end")
    }

    #[test]
    fn comparisons_are_by_the_types() {
        let minus = (-3_i64).cast_unsigned();
        let junk = 0xdead_beef_0000_0000;
        for (typed, a, b, wanted) in [
            ("a < 0", minus, 0, true),
            ("a == -3", minus | junk, 0, true),
            ("a >= -3 && a <= -3", minus, 0, true),
            ("a > 0", minus, 0, false),
            ("b > 0x7fffffff", 0, 0xffff_ffff, true),
            ("b == -1", 0, junk | 0xffff_ffff, true),
            ("b <= 18446744073709551615", 0, 7, true),
            ("b > 18446744073709551615", 0, 7, false),
            ("b & 4", 0, 5, true),
            ("(b & 6) == 4", 0, 5, true),
            ("!(b & 4) || a", 1, 4, true),
            ("4 < b", 0, 5, true),
            ("a == -ESRCH", minus, 0, true),
        ] {
            let tests = compiled(typed).unwrap();
            assert_eq!(meets(&tests, [a, b, 0]), wanted, "{typed}");
        }
    }

    #[test]
    fn what_cannot_be_compared_is_refused() {
        let all: Vec<String> = [
            "a == \"x\"",
            "a == NO_SUCH",
            "1 == 2",
            "\"a\" == \"b\"",
            "a == b == 1",
            "d == 1",
            "a->x == 1",
            "a == -NO_SUCH",
            "(a & b) == 1",
            "*a == 1",
            "a[1] == 1",
            "a || b || c || a || b || c || a || b || c || a || b || c || a || b || c || a || b",
        ]
        .into_iter()
        .map(|typed| {
            let error = compiled(typed).unwrap_err();
            format!("{error}\n{}", error.picture())
        })
        .collect();
        insta::assert_snapshot!("wrong_comparisons", all.join("\n"));
    }

    /// A condition as text, and what it says of three registers.
    fn conditions() -> impl Strategy<Value = (String, fn([u64; 3]) -> bool)> {
        prop_oneof![
            Just((
                "a == 1".to_owned(),
                (|it| it[0] == 1) as fn([u64; 3]) -> bool
            )),
            Just(("b < 2".to_owned(), (|it: [u64; 3]| it[1] < 2) as _)),
            Just(("c >= 1".to_owned(), (|it: [u64; 3]| it[2] >= 1) as _)),
            Just(("c".to_owned(), (|it: [u64; 3]| it[2] != 0) as _)),
        ]
    }

    proptest! {
        #[test]
        fn what_joins_comparisons_is_kept(
            first in conditions(),
            second in conditions(),
            third in conditions(),
            shape in 0usize..6,
            registers in prop::array::uniform3(0u64..3),
        ) {
            let [one, two, three] = [&first, &second, &third].map(|it| it.0.as_str());
            let (typed, wanted): (String, fn(bool, bool, bool) -> bool) = match shape {
                0 => (format!("{one} && {two} || {three}"), |a, b, c| a && b || c),
                1 => (format!("{one} || {two} && {three}"), |a, b, c| a || b && c),
                2 => (format!("!({one} || {two}) && {three}"), |a, b, c| !(a || b) && c),
                3 => (format!("({one} || {two}) && {three}"), |a, b, c| (a || b) && c),
                4 => (format!("!({one} && !({two})) || {three}"), |a, b, c| !(a && !b) || c),
                _ => (format!("!!({one}) && ({two} || {three})"), |a, b, c| a && (b || c)),
            };
            let tests = compiled(&typed).unwrap();
            let [one, two, three] = [first.1, second.1, third.1].map(|it| it(registers));
            prop_assert_eq!(meets(&tests, registers), wanted(one, two, three), "{}", typed);
        }
    }
}
