use proptest::prelude::*;

use super::*;
use crate::model::{RecordField, RecordFieldKind};

fn record_type(print: &str) -> RecordType {
    let field = |name: &str, offset, bytes, kind| RecordField {
        name: name.to_owned(),
        offset,
        bytes,
        kind,
    };
    let number = |signed| RecordFieldKind::Number { signed };
    RecordType {
        system: "made_up".to_owned(),
        fields: vec![
            field("comm", 0, 8, RecordFieldKind::Text),
            field("pid", 8, 4, number(true)),
            field("state", 12, 4, number(false)),
            field(
                "addr",
                16,
                4,
                RecordFieldKind::Numbers {
                    each: 1,
                    signed: false,
                },
            ),
            field("name", 20, 4, RecordFieldKind::VariableText),
            // The same bytes once more.
            field(
                "words",
                16,
                8,
                RecordFieldKind::Numbers {
                    each: 2,
                    signed: true,
                },
            ),
            field("skb", 24, 8, RecordFieldKind::Pointer),
        ],
        print: print.to_owned(),
    }
}

fn record() -> Vec<u8> {
    let mut record = Vec::new();
    record.extend(b"sender\0x");
    record.extend((-7i32).to_ne_bytes());
    record.extend(0x102u32.to_ne_bytes());
    record.extend([127, 0, 0, 1]);
    // "lo" and its zero, after the fields, counted from what all have in common.
    record.extend((3u32 << 16 | 0x28).to_ne_bytes());
    record.extend(0xffff_8881_0000_0123u64.to_ne_bytes());
    record.extend(b"lo\0");
    record
}

fn printed(print: &str) -> Option<String> {
    super::print(&record_type(print), &record())
}

#[test]
fn formats_of_the_kernel_are_understood() {
    for (print, expected) in [
        (
            r#""comm=%s pid=%d cpu=%03d", REC->comm, REC->pid, 5"#,
            "comm=sender pid=-7 cpu=005",
        ),
        (
            r#""%-8s|%5d|%-5u|%#x|%08x", REC->comm, REC->pid, 3, REC->state, REC->state"#,
            "sender  |   -7|3    |0x102|00000102",
        ),
        (
            r#""%lu %lld %hhx", (unsigned long)REC->pid, (long long)REC->pid, REC->pid"#,
            "18446744073709551609 -7 f9",
        ),
        (
            r#""src=%pI4 dev=%s skb=%p", REC->addr, __get_str(name), REC->skb"#,
            "src=127.0.0.1 dev=lo skb=ffff888100000123",
        ),
        (
            r#""%s%s", (REC->state & (0x1 | 0x2)) ? __print_flags(REC->state & 3, "|", { 1, "S" }, { 2, "D" }) : "R", REC->state & 0x100 ? "+" : """#,
            "D+",
        ),
        (
            r#""%s", __print_flags(REC->state, "|", { 0x2, "D" })"#,
            "D|0x100",
        ),
        (
            r#""[%s] [%s]", __print_symbolic(REC->state, { 257, "A" }, { 258, "B" }), __print_symbolic(9, { 1, "A" })"#,
            "[B] [0x9]",
        ),
        (
            r#""%s %s", __print_hex(REC->addr, 2), __print_array(REC->addr, 4, 1)"#,
            "7f 00 {0x7f,0x0,0x0,0x1}",
        ),
        (
            r#""%d %d %d", 1 + 2 * 3 << 1, !(REC->pid < 0) || 1, ~0 & 0xf"#,
            "14 1 15",
        ),
        (r#""%d %d", REC->words[1], REC->words[0]"#, "256 127"),
        (r#""100%% " "of %.2s", REC->comm"#, "100% of se"),
        (
            r#""%d,%d major", ((unsigned int) ((REC->state) >> 8)), REC->addr[0]"#,
            "1,127 major",
        ),
    ] {
        assert_eq!(printed(print).as_deref(), Some(expected), "{print}");
    }
}

#[test]
fn what_is_not_understood_is_left_to_the_fields() {
    for print in [
        r#""%s", some_function(REC->pid)"#,
        r#""%d", REC->nosuch"#,
        r#""%d""#,
        r#""%d", 1, 2"#,
        r#""%d", 1 / 0"#,
        r#""%d", 1 << 99"#,
        r#""%d", sizeof(int)"#,
        r#""%y", 1"#,
        r#""%s", REC->pid"#,
        r#""unfinished"#,
        "",
    ] {
        assert_eq!(printed(print), None, "{print}");
    }
}

#[test]
fn socket_addresses_read_as_such() {
    let address = [2, 0, 0x1f, 0x90, 10, 0, 0, 1, 0, 0, 0, 0];
    assert_eq!(
        socket_address(&address, true).as_deref(),
        Some("10.0.0.1:8080")
    );
    assert_eq!(socket_address(&address, false).as_deref(), Some("10.0.0.1"));
    let mut address = [0; 28];
    address[0] = 10;
    address[23] = 1;
    assert_eq!(socket_address(&address, true).as_deref(), Some("[::1]:0"));
}

proptest! {
    #[test]
    fn never_panics(print in "\"[%a-z0-9*.#-]{0,12}\"(, ?[-()!~&|?:<>*/%REC>pidstacom_0-9\\[\\]\" ]{0,40}){0,3}") {
        let _ = printed(&print);
    }

    #[test]
    fn nesting_has_an_end(open in "[(!~-]{0,5000}") {
        let _ = printed(&format!("\"%d\", {open}1"));
    }

    #[test]
    fn records_may_be_cut(length in 0usize..36) {
        let print = r#""%s %d %s %pI4", REC->comm, REC->pid, __get_str(name), REC->addr"#;
        let _ = super::print(&record_type(print), &record()[..length]);
    }
}
