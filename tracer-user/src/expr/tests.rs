use proptest::prelude::*;

use super::*;

fn paths(source: &str) -> Vec<String> {
    let fields = Fields::parse(source).unwrap();
    fields.paths.iter().map(ToString::to_string).collect()
}

#[test]
fn paths_are_written_one_way() {
    assert_eq!(
        paths("tcp_sendmsg: sk.sk_wmem_queued, msg->msg_iter . count , *how, a[3]->b"),
        [
            "sk->sk_wmem_queued",
            "msg->msg_iter->count",
            "*how",
            "a[3]->b"
        ]
    );
    assert_eq!(
        paths("[tls]:tls_*: ((struct tcp_sock *)sk)->snd_cwnd, *p->q, (*p)->q, sk.tuple"),
        [
            "((struct tcp_sock *)sk)->snd_cwnd",
            "*p->q",
            "(*p)->q",
            "sk.tuple"
        ]
    );
    let typedef = Fields::parse("f: ((spinlock_t *)lock)->rlock").unwrap();
    assert_eq!(typedef.functions, "f");
    assert_eq!(typedef.paths[0].to_string(), "((spinlock_t *)lock)->rlock");
}

#[test]
fn a_module_stands_before_its_function() {
    assert_eq!(
        Fields::parse("tls:tls_sw_sendmsg: sk").unwrap().functions,
        "tls:tls_sw_sendmsg"
    );
}

fn condition(source: &str) -> Condition {
    Where::parse(source).unwrap().condition
}

#[test]
fn conditions_bind_as_in_c() {
    let tree = condition("a == 1 || b & 4 && !(c < 2K)");
    let Condition::Either(first, second) = tree else {
        panic!("{tree:?}")
    };
    assert!(matches!(*first, Condition::Compare { .. }));
    let Condition::Both(masked, not) = *second else {
        panic!("{second:?}")
    };
    assert!(matches!(
        *masked,
        Condition::Compare {
            left: Operand::Path { mask: Some(_), .. },
            comparison: Comparison::NotEqual,
            right: Operand::Number(0),
            ..
        }
    ));
    let Condition::Not(inner) = *not else {
        panic!("{not:?}")
    };
    assert!(matches!(
        *inner,
        Condition::Compare {
            right: Operand::Number(2048),
            comparison: Comparison::Less,
            ..
        }
    ));
}

#[test]
fn parentheses_are_seen_for_what_they_are() {
    let cast = condition("((struct tcp_sock *)sk)->snd_cwnd > 0x10");
    let plain = condition("(((a)) > 1) && ((b))");
    assert!(matches!(
        cast,
        Condition::Compare {
            left: Operand::Path { .. },
            ..
        }
    ));
    assert!(matches!(plain, Condition::Both(..)));
    let masked = condition("(flags & O_DIRECT) != 0");
    assert!(matches!(
        masked,
        Condition::Compare {
            left: Operand::Path { mask: Some(_), .. },
            ..
        }
    ));
    let text = condition("dev.name == \"eth\"*");
    assert!(matches!(
        text,
        Condition::Compare {
            right: Operand::Text {
                is_prefix: true,
                ..
            },
            ..
        }
    ));
}

#[test]
fn what_is_wrong_is_shown_at_its_place() {
    let all: Vec<String> = [
        "",
        "tcp_sendmsg",
        ": sk",
        "f:",
        "f: ",
        "f: sk->",
        "f: sk->,",
        "f: ->sk",
        "f: sk sk",
        "f: sk,",
        "f: sk[x]",
        "f: sk[1",
        "f: 1",
        "f: -1",
        "f: \"sk\"",
        "f: (struct sock)sk",
        "f: (struct *)sk",
        "f: (struct sock *)",
        "f: sk == 1",
        "f: sk & 1",
        "f: !sk",
        "f: sk\u{e9}",
        "f: sk[99999999999999999999]",
        "f: sk[0x]",
        "f: sk[1z]",
    ]
    .into_iter()
    .map(|source| shown(&Fields::parse(source).unwrap_err()))
    .collect();
    insta::assert_snapshot!("wrong_fields", all.join("\n"));
    let all: Vec<String> = [
        "",
        "==",
        "a ==",
        "== 1",
        "a == == 1",
        "a = = 1",
        "a == 1 &&",
        "a == 1 & & b",
        "a == 1 || || b",
        "(a == 1",
        "a == 1)",
        "a == \"x",
        "a == 'x'",
        "1",
        "!",
        "!1",
        "a b",
        "a == 1 b",
        "a == (b == 1)",
        "(a == 1) == 1",
        "a & b == 1",
        "a &",
        "a + 1 == 2",
        "a == 1 ; b",
        "-a",
        "a == 18446744073709551616",
        "a == 5zz",
    ]
    .into_iter()
    .filter_map(|source| Where::parse(source).err())
    .map(|error| shown(&error))
    .collect();
    insta::assert_snapshot!("wrong_conditions", all.join("\n"));
}

#[test]
fn a_number_is_a_path_with_or_without_bits() {
    let by = By::parse("file->f_flags & 0x3").unwrap();
    assert_eq!(by.path.to_string(), "file->f_flags");
    assert_eq!(by.mask, Some(Operand::Number(3)));
    let by = By::parse("size & -4096").unwrap();
    assert_eq!(by.mask, Some(Operand::Number(!4095)));
    let by = By::parse("sk.dport").unwrap();
    assert_eq!((by.path.to_string().as_str(), by.mask), ("sk.dport", None));
    let all: Vec<String> = ["", "1", "a == 1", "a b", "a & ", "!a", "a && b", "\"x\""]
        .into_iter()
        .map(|source| shown(&By::parse(source).unwrap_err()))
        .collect();
    insta::assert_snapshot!("wrong_numbers", all.join("\n"));
}

fn shown(error: &ExprError) -> String {
    format!("{error}\n{}", error.picture())
}

#[test]
fn much_nesting_is_refused() {
    for (open, close) in [("(", ")"), ("!", ""), ("*", ""), ("(struct a *)", "")] {
        let source = format!("{}a{}", open.repeat(10_000), close.repeat(10_000));
        assert_eq!(Where::parse(&source).unwrap_err().problem, Problem::Nesting);
    }
}

proptest! {
    #[test]
    fn nothing_panics(source in "[a-z>.&|!()*\\[\\]=<0-9\" :,-]{0,60}") {
        let errors = [
            Fields::parse(&source).err(),
            Where::parse(&source).err(),
            By::parse(&source).err(),
        ];
        for error in errors.into_iter().flatten() {
            prop_assert!(error.picture().lines().count() == 2 || source.contains('\n'));
        }
    }

    #[test]
    fn any_text_is_read_or_refused(source in "\\PC{0,40}") {
        let _ = (Fields::parse(&source), Where::parse(&source), By::parse(&source));
    }

    #[test]
    fn a_path_reads_as_it_is_written(
        names in prop::collection::vec("[a-z_][a-z0-9_]{0,8}", 1..6),
        index in 0u64..100,
    ) {
        let path = format!("{}[{index}]", names.join("->"));
        let fields = Fields::parse(&format!("f: {path}")).unwrap();
        let again = Fields::parse(&format!("f: {}", fields.paths[0])).unwrap();
        prop_assert_eq!(again.paths[0].to_string(), fields.paths[0].to_string());
    }
}
