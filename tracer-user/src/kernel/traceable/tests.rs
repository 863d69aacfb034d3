use proptest::prelude::*;

use super::*;
use crate::kernel::made_up::{Memory, structures};

const TEXT: u64 = 0xffff_ffff_8100_0000;
const PAGES: u64 = 0xffff_ffff_8300_0000;
const COUNT: u64 = PAGES + 0x1_0000;
const FIRST: u64 = 0xffff_8880_0000_0000;
const SECOND: u64 = FIRST + 0x1_0000;

/// Two functions named `show`; `weak` was replaced and its place is within `other`.
fn symbols() -> Symbols {
    let functions = [
        (0x00, "first"),
        (0x00, "alias"),
        (0x40, "show"),
        (0x80, "show"),
        (0xc0, "other"),
        (0x100, "untraced"),
    ];
    let functions = functions.map(|(offset, name)| format!("{:016x} t {name}\n", TEXT + offset));
    let text = format!(
        "{}{PAGES:016x} b ftrace_pages_start\n{COUNT:016x} b ftrace_update_tot_cnt\n\
         ffffffffc0000000 t push\t[tls]\nffffffffc0001000 t bpf_prog_12_x\t[bpf]\n",
        functions.concat()
    );
    Symbols::parse(&text).unwrap()
}

fn types() -> Types {
    structures(&[
        (
            "ftrace_page",
            24,
            &[("next", 0), ("records", 8), ("index", 16)],
        ),
        ("dyn_ftrace", 16, &[("ip", 0), ("flags", 8)]),
    ])
}

fn records(count: u64) -> Memory {
    let mut memory = Memory::default();
    memory.put_longs(PAGES, &[FIRST]);
    memory.put_longs(COUNT, &[count]);
    // The upper half of a count's eight bytes is another member.
    memory.put_longs(FIRST, &[SECOND, FIRST + 0x100, 7 << 32 | 3]);
    memory.put_longs(SECOND, &[0, SECOND + 0x100, 1]);
    memory.put_longs(
        FIRST + 0x100,
        &[TEXT + 4, 0, TEXT + 0x80, 0, TEXT + 0xe4, 0],
    );
    memory.put_longs(SECOND + 0x100, &[0xffff_ffff_c000_0004, 0]);
    memory
}

fn from(memory: &Memory) -> Option<TraceableFunctions> {
    let read = |start: Address, length: usize| memory.read(start, length);
    TraceableFunctions::from_records(&symbols(), &types(), &read)
}

fn known(address: u64, function: u64) -> Traceable {
    Traceable {
        address: Address(address),
        function: Address(function),
    }
}

fn expected() -> [Traceable; 3] {
    [
        known(TEXT + 4, TEXT),
        known(TEXT + 0x80, TEXT + 0x80),
        known(0xffff_ffff_c000_0004, 0xffff_ffff_c000_0000),
    ]
}

#[test]
fn records_are_read_page_by_page() {
    assert_eq!(from(&records(4)).unwrap().all(), expected());
}

#[test]
fn records_that_are_not_all_are_no_answer() {
    for count in [0, 3, 5, u64::MAX] {
        assert!(from(&records(count)).is_none(), "{count}");
    }
}

#[test]
fn the_file_with_addresses_says_the_same() {
    let text = format!(
        "{:x} first\n{:x} show\n{:x} __ftrace_invalid_address___36\nffffffffc0000004 push [tls]\n",
        TEXT + 4,
        TEXT + 0x80,
        TEXT + 0xe4
    );
    let found = TraceableFunctions::from_addresses(&symbols(), text.as_bytes()).unwrap();
    assert_eq!(found.all(), expected());
    for damaged in [
        "first\n",
        "ffffffff8100000g f\n",
        "ffffffff81000004\n",
        "ffffffff81000004 \n",
    ] {
        assert!(TraceableFunctions::from_addresses(&symbols(), damaged.as_bytes()).is_err());
    }
}

#[test]
fn of_two_functions_of_one_name_the_entry_tells() {
    let names = ["first", "show", "push"];
    let blind = TraceableFunctions::from_names(&symbols(), names.into_iter(), None);
    let functions = |found: &TraceableFunctions| -> Vec<u64> {
        found.all().iter().map(|known| known.function.0).collect()
    };
    assert_eq!(functions(&blind), [TEXT, 0xffff_ffff_c000_0000]);
    let mut memory = Memory::default();
    memory.put(TEXT + 0x40, &[0x55, 0x48, 0x89, 0xe5, 0x5d]);
    memory.put(TEXT + 0x80, &[0xf3, 0x0f, 0x1e, 0xfa, 0xe8, 1, 2, 3, 4]);
    let read = |start: Address, length: usize| memory.read(start, length);
    let seeing = TraceableFunctions::from_names(&symbols(), names.into_iter(), Some(&read));
    assert_eq!(
        functions(&seeing),
        [TEXT, TEXT + 0x80, 0xffff_ffff_c000_0000]
    );
    // Where it is patched is behind its landing pad.
    assert_eq!(seeing.all()[1].address, Address(TEXT + 0x84));
}

#[test]
fn a_function_is_found_by_its_start_and_by_what_is_patched() {
    let all = from(&records(4)).unwrap();
    let at = |offset| {
        all.at_address(Address(TEXT + offset))
            .map(|known| known.function.0 - TEXT)
    };
    assert_eq!(at(0), Some(0));
    assert_eq!(at(4), Some(0));
    assert_eq!(at(5), None);
    assert_eq!(at(0x40), None);
    assert_eq!(at(0x80), Some(0x80));
    assert_eq!(at(0x84), None);
    assert_eq!(all.at_address(Address(0)), None);
}

proptest! {
    #[test]
    fn any_file_never_panics(
        text in "\\PC*",
        lines in prop::collection::vec("[0-9a-g]{15,17} ?[a-z]{0,3}", 0..8),
    ) {
        let _ = TraceableFunctions::from_addresses(&symbols(), text.as_bytes());
        let _ = TraceableFunctions::from_addresses(&symbols(), lines.join("\n").as_bytes());
    }

    #[test]
    fn damaged_records_never_panic(
        changes in prop::collection::vec((0..4_usize, 0..64_u64, any::<u8>()), 1..6),
    ) {
        let mut memory = records(4);
        for (piece, offset, value) in changes {
            let place = [PAGES, COUNT, FIRST, SECOND][piece] + offset;
            prop_assert!(memory.change(place, value));
        }
        let _ = from(&memory);
    }
}
