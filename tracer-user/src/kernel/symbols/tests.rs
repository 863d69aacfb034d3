use proptest::prelude::*;

use super::*;

const SAMPLE: &str = "\
0000000000000000 A fixed_percpu_data
0000000000034f00 A pcpu_hot
ffffffff81000000 T srso_alias_untrain_ret
ffffffff81000000 T _stext
ffffffff81000000 T _text
ffffffff81000030 t __pfx_helper
ffffffff81000040 t helper
ffffffff81000100 t helper
ffffffff81000200 W __x64_sys_sendto
ffffffff81000200 T __se_sys_sendto
ffffffff82000000 D __per_cpu_offset
ffffffffc0a00000 t module_function\t[nf_tables]
ffffffffa0000400 t bpf_prog_0123456789abcdef_verdict\t[bpf]
";

fn sample() -> Symbols {
    Symbols::parse(SAMPLE).unwrap()
}

#[test]
fn finds_addresses_of_functions_and_data() {
    let symbols = sample();
    assert_eq!(
        symbols.address_of("__per_cpu_offset"),
        Some(Address(0xffff_ffff_8200_0000))
    );
    assert_eq!(symbols.address_of("pcpu_hot"), Some(Address(0x34f00)));
    assert_eq!(
        symbols.address_of("_text"),
        Some(Address(0xffff_ffff_8100_0000))
    );
    assert_eq!(symbols.address_of("no_such_symbol"), None);
    assert_eq!(symbols.address_of("__pfx_helper"), None);
    assert!(symbols.function_named("__per_cpu_offset").is_none());
}

#[test]
fn names_that_stand_twice_come_in_order() {
    let symbols = sample();
    let all: Vec<u64> = symbols
        .addresses_of("helper")
        .map(|address| address.0)
        .collect();
    assert_eq!(all, [0xffff_ffff_8100_0040, 0xffff_ffff_8100_0100]);
    assert!(!symbols.is_unique_in("helper", None));
    assert!(symbols.is_unique_in("_text", None));
    assert!(!symbols.is_unique_in("no_such_symbol", None));
}

#[test]
fn finds_the_function_around_an_address() {
    let symbols = sample();
    let at = |address| symbols.function_at(Address(address));
    assert_eq!(at(0xffff_ffff_80ff_ffff), None);
    // The first of those that share an address, as the kernel does.
    assert_eq!(
        at(0xffff_ffff_8100_0000).unwrap().name,
        "srso_alias_untrain_ret"
    );
    assert_eq!(at(0xffff_ffff_8100_0204).unwrap().name, "__x64_sys_sendto");
    let helper = at(0xffff_ffff_8100_00ff).unwrap();
    assert_eq!(
        helper,
        Function {
            name: "helper",
            start: Address(0xffff_ffff_8100_0040),
            end: Address(0xffff_ffff_8100_0100),
            module: None,
        }
    );
    // Beyond the longest possible function lies nothing.
    assert_eq!(at(0xffff_ffff_9000_0000), None);
}

#[test]
fn aliases_come_in_order() {
    let symbols = sample();
    let names = |address| symbols.names_at(Address(address)).collect::<Vec<_>>();
    assert_eq!(
        names(0xffff_ffff_8100_0200),
        ["__x64_sys_sendto", "__se_sys_sendto"]
    );
    assert!(names(0xffff_ffff_8100_0201).is_empty());
}

#[test]
fn knows_modules_and_programs() {
    let symbols = sample();
    let module = symbols.function_at(Address(0xffff_ffff_c0a0_0010)).unwrap();
    assert_eq!(module.module, Some("nf_tables"));
    let program = symbols.function_at(Address(0xffff_ffff_a000_0400)).unwrap();
    assert_eq!(program.module, Some("bpf"));
    assert_eq!(program.name, "bpf_prog_0123456789abcdef_verdict");
}

#[test]
fn functions_come_by_address() {
    let symbols = sample();
    assert_eq!(symbols.functions().len(), 9);
    assert!(
        symbols
            .functions()
            .is_sorted_by_key(|function| function.start)
    );
}

#[test]
fn hidden_addresses_are_an_error() {
    let hidden = "0000000000000000 T _text\n0000000000000000 t helper\n";
    assert!(matches!(Symbols::parse(hidden), Err(SymbolsError::Hidden)));
    assert!(matches!(Symbols::parse(""), Err(SymbolsError::Hidden)));
}

#[test]
fn damage_is_an_error_with_its_line() {
    for damaged in [
        "ffffffff81000000 T _text\nffffffff81000000 T\n",
        "ffffffff81000000 T _text\nT name\n",
        "ffffffff81000000 T _text\nffffffff81000000 T \n",
        "ffffffff81000000 T _text\n0ffffffff81000000 T long\n",
        "ffffffff81000000 T _text\n\n",
    ] {
        assert!(
            matches!(
                Symbols::parse(damaged),
                Err(SymbolsError::Malformed { line: 2 })
            ),
            "{damaged}"
        );
    }
}

proptest! {
    #[test]
    fn never_panics(text in "\\PC*") {
        let _ = Symbols::parse(&text);
    }

    #[test]
    fn never_panics_on_likely_text(
        lines in prop::collection::vec("[0-9a-f]{0,17} ?[tTD]? ?[a-z\\t\\[\\]]{0,9}", 0..8),
    ) {
        let _ = Symbols::parse(&lines.join("\n"));
    }

    #[test]
    fn the_floor_is_the_floor(
        mut starts in prop::collection::vec(1u64..1 << 20, 1..40), address in 0u64..1 << 20,
    ) {
        use std::fmt::Write as _;
        let mut text = String::new();
        for start in &starts {
            writeln!(text, "{start:016x} t f_{start}").unwrap();
        }
        let symbols = Symbols::parse(&text).unwrap();
        starts.sort_unstable();
        let expected = starts
            .iter()
            .copied()
            .rfind(|start| *start <= address)
            .filter(|start| address - start < LONGEST_FUNCTION);
        let found = symbols.function_at(Address(address)).map(|function| function.start.0);
        prop_assert_eq!(found, expected);
    }
}
