use proptest::prelude::*;

use super::*;
use crate::kernel::{
    made_up::{Memory, structures},
    symbols::Symbols,
};

const HEADS: u64 = 0xffff_ffff_8300_0000;
const MODULE: u64 = 0xffff_ffff_c000_0000;
const TABLE: u64 = MODULE + 0x1_0000;
const SYMTAB: u64 = MODULE + 0x2_0000;
const STRTAB: u64 = MODULE + 0x3_0000;
const TYPETAB: u64 = MODULE + 0x4_0000;
const OPS: u64 = 0xffff_8880_0000_0000;
const PROGRAM: u64 = OPS + 0x1_0000;

fn types() -> Types {
    structures(&[
        (
            "module",
            200,
            &[("state", 0), ("list", 8), ("name", 24), ("kallsyms", 88)],
        ),
        (
            "mod_kallsyms",
            32,
            &[
                ("symtab", 0),
                ("num_symtab", 8),
                ("strtab", 16),
                ("typetab", 24),
            ],
        ),
        ("ftrace_ops", 64, &[("list", 16), ("trampoline", 40)]),
        (
            "bpf_ksym",
            600,
            &[("start", 0), ("name", 16), ("lnode", 528)],
        ),
    ])
}

/// One element in each list.
fn memory() -> Memory {
    let mut memory = Memory::default();
    memory.put_longs(HEADS, &[MODULE + 8]);
    memory.put_longs(HEADS + 0x1_0000, &[OPS + 16]);
    memory.put_longs(HEADS + 0x2_0000, &[PROGRAM + 528]);
    let mut module = vec![0; 96];
    module[8..16].copy_from_slice(&HEADS.to_ne_bytes());
    module[24..27].copy_from_slice(b"tls");
    module[88..96].copy_from_slice(&TABLE.to_ne_bytes());
    memory.put(MODULE, &module);
    memory.put_longs(TABLE, &[SYMTAB, 3, STRTAB, TYPETAB]);
    let mut symbols = vec![0; 3 * ELF_SYMBOL];
    for (number, (name, address)) in [
        (0_u32, 0_u64),
        (1, 0xffff_ffff_c010_0000),
        (6, 0xffff_ffff_c010_0040),
    ]
    .into_iter()
    .enumerate()
    {
        symbols[number * ELF_SYMBOL..][..4].copy_from_slice(&name.to_ne_bytes());
        symbols[number * ELF_SYMBOL + 8..][..8].copy_from_slice(&address.to_ne_bytes());
    }
    memory.put(SYMTAB, &symbols);
    memory.put(STRTAB, b"\0push\0data\0");
    memory.put(TYPETAB, b"?td");
    let mut ops = vec![0; 64];
    ops[16..24].copy_from_slice(&(HEADS + 0x1_0000).to_ne_bytes());
    ops[40..48].copy_from_slice(&0xffff_ffff_a000_0000_u64.to_ne_bytes());
    memory.put(OPS, &ops);
    let mut program = vec![0; 600];
    program[..8].copy_from_slice(&0xffff_ffff_a000_1000_u64.to_ne_bytes());
    program[16..31].copy_from_slice(b"bpf_prog_ab12_x");
    program[528..536].copy_from_slice(&(HEADS + 0x2_0000).to_ne_bytes());
    memory.put(PROGRAM, &program);
    memory
}

fn kernel() -> Names {
    let symbols = Symbols::parse(&format!(
        "{HEADS:016x} D modules\n{:016x} d ftrace_ops_trampoline_list\n{:016x} d bpf_kallsyms\n",
        HEADS + 0x1_0000,
        HEADS + 0x2_0000
    ))
    .unwrap();
    Names {
        text: symbols.text,
        symbols: symbols.all,
    }
}

fn appended(memory: &Memory) -> Option<Symbols> {
    let read = |start: Address, length: usize| memory.read(start, length);
    let mut names = kernel();
    let lists = Lists {
        types: &types(),
        read: &read,
    };
    lists.append(&mut names)?;
    Some(Symbols::of(names.text, names.symbols))
}

#[test]
fn modules_trampolines_and_programs_come_as_in_the_file() {
    let symbols = appended(&memory()).unwrap();
    let functions: Vec<_> = symbols
        .functions()
        .map(|function| (function.start.0, function.name, function.module.unwrap()))
        .collect();
    assert_eq!(
        functions,
        [
            (
                0xffff_ffff_a000_0000,
                "ftrace_trampoline",
                "__builtin__ftrace"
            ),
            (0xffff_ffff_a000_1000, "bpf_prog_ab12_x", "bpf"),
            (0xffff_ffff_c010_0000, "push", "tls"),
        ]
    );
    assert_eq!(
        symbols.address_of("data"),
        Some(Address(0xffff_ffff_c010_0040))
    );
}

#[test]
fn a_module_that_is_being_set_up_has_no_symbols() {
    let mut memory = memory();
    assert!(memory.change(MODULE, 3));
    assert!(appended(&memory).unwrap().function_named("push").is_none());
}

#[test]
fn lists_that_change_meanwhile_are_no_answer() {
    let memory = memory();
    let reads = std::cell::Cell::new(0);
    // The list of programs is empty when it is walked again.
    let read = |start: Address, length: usize| {
        if start.0 == HEADS + 0x2_0000 {
            reads.set(reads.get() + 1);
            if reads.get() == 2 {
                return Ok((HEADS + 0x2_0000).to_ne_bytes().to_vec());
            }
        }
        memory.read(start, length)
    };
    let lists = Lists {
        types: &types(),
        read: &read,
    };
    assert!(lists.append(&mut kernel()).is_none());
    assert_eq!(reads.get(), 2);
}

#[test]
fn a_list_that_leads_nowhere_is_no_answer() {
    for value in [0, 0x77] {
        let mut memory = memory();
        assert!(memory.change(PROGRAM + 528 + 7, value));
        assert!(appended(&memory).is_none());
    }
    // Round and round.
    let mut memory = memory();
    memory.put_longs(HEADS, &[HEADS + 0x100]);
    memory.put_longs(HEADS + 0x100, &[HEADS + 0x100]);
    assert!(appended(&memory).is_none());
}

proptest! {
    #[test]
    fn damage_never_panics(
        changes in prop::collection::vec((0..8_usize, 0..600_u64, any::<u8>()), 1..6),
    ) {
        let mut memory = memory();
        for (piece, offset, value) in changes {
            let places = [HEADS, MODULE, TABLE, SYMTAB, STRTAB, TYPETAB, OPS, PROGRAM];
            prop_assert!(memory.change(places[piece] + offset, value));
        }
        let _ = appended(&memory);
    }
}
