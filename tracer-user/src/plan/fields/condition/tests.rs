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

fn compiled(source: &str) -> Result<Vec<FieldTest>, ExprError> {
    let types = types();
    let condition = Where::parse(source)?;
    let within = PathTypes {
        own: &types,
        kernel: &types,
        source,
    };
    compile(within, "f", &condition)
}

/// What the eBPF side does (`field_meets` in tracer-ebpf/src/call/fields), for arguments in
/// registers.
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
    for (source, a, b, wanted) in [
        ("a < 0", minus, 0, true),
        ("a == -3", minus | junk, 0, true),
        ("a == 0xfffffffd", minus, 0, true),
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
        let tests = compiled(source).unwrap();
        assert_eq!(meets(&tests, [a, b, 0]), wanted, "{source}");
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
    .map(|source| {
        let error = compiled(source).unwrap_err();
        format!("{error}\n{}", error.picture())
    })
    .collect();
    insta::assert_snapshot!("wrong_comparisons", all.join("\n"));
}

/// What a condition says of three registers.
type Says = fn([u64; 3]) -> bool;

/// A condition as text, and what it says.
fn conditions() -> impl Strategy<Value = (&'static str, Says)> {
    let all: [(&str, Says); 4] = [
        ("a == 1", |it| it[0] == 1),
        ("b < 2", |it| it[1] < 2),
        ("c >= 1", |it| it[2] >= 1),
        ("c", |it| it[2] != 0),
    ];
    prop::sample::select(all.to_vec())
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
        let [one, two, three] = [first, second, third].map(|it| it.0);
        let (source, wanted): (String, fn(bool, bool, bool) -> bool) = match shape {
            0 => (format!("{one} && {two} || {three}"), |a, b, c| a && b || c),
            1 => (format!("{one} || {two} && {three}"), |a, b, c| a || b && c),
            2 => (format!("!({one} || {two}) && {three}"), |a, b, c| !(a || b) && c),
            3 => (format!("({one} || {two}) && {three}"), |a, b, c| (a || b) && c),
            4 => (format!("!({one} && !({two})) || {three}"), |a, b, c| !a || b || c),
            _ => (format!("!!({one}) && ({two} || {three})"), |a, b, c| a && (b || c)),
        };
        let tests = compiled(&source).unwrap();
        let [one, two, three] = [first, second, third].map(|it| it.1(registers));
        prop_assert_eq!(meets(&tests, registers), wanted(one, two, three), "{}", source);
    }
}
