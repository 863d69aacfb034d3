use proptest::prelude::*;

use super::*;

const BASE: u64 = 0xffff_ffff_8100_0000;

/// Symbols at `BASE` plus the offsets.
fn symbols(functions: &[(u64, &str)]) -> Symbols {
    use std::fmt::Write as _;
    let mut text = String::new();
    for (offset, name) in functions {
        writeln!(text, "{:016x} t {name}", BASE + offset).unwrap();
    }
    Symbols::parse(&text).unwrap()
}

/// A page of int3 with branches at some offsets: (offset, opcode, target's offset).
fn page(branches: &[(u64, u8, u64)]) -> Vec<u8> {
    let mut bytes = vec![0xcc; 0x1000];
    for (offset, opcode, target) in branches {
        let relative = i32::try_from(target.cast_signed() - (offset + 5).cast_signed()).unwrap();
        let place = usize::try_from(*offset).unwrap();
        bytes[place] = *opcode;
        bytes[place + 1..place + 5].copy_from_slice(&relative.to_le_bytes());
    }
    bytes
}

const CALL: u8 = 0xe8;
const JUMP: u8 = 0xe9;

fn calls(functions: &[(u64, &str)], code: &[(u64, u8, u64)]) -> Calls {
    let symbols = symbols(functions);
    let page = page(code);
    let read = |start: Address, length: usize| {
        let start = usize::try_from(start.0 - BASE).unwrap();
        Ok(page[start..page.len().min(start + length)].to_vec())
    };
    let function = symbols.function_named("caller").unwrap();
    calls_in(&symbols, &function, &read).unwrap()
}

fn call(offset: u64) -> Callee {
    Callee {
        target: Address(BASE + offset),
        kind: CalleeKind::Call,
    }
}

fn tail_jump(offset: u64) -> Callee {
    Callee {
        target: Address(BASE + offset),
        kind: CalleeKind::TailJump,
    }
}

#[test]
fn calls_tail_jumps_and_own_jumps_are_told_apart() {
    let functions = [(0, "caller"), (0x100, "first"), (0x200, "second")];
    let code = [
        (0x00, CALL, 0x100),
        (0x10, JUMP, 0x20),
        (0x20, JUMP, 0x00),
        (0x30, JUMP, 0x200),
        // Into the middle of another function: no call of it.
        (0x40, JUMP, 0x150),
    ];
    assert_eq!(
        calls(&functions, &code),
        Calls {
            callees: vec![call(0x100), tail_jump(0x200)],
            indirect: 0
        }
    );
}

#[test]
fn the_cold_part_belongs_to_the_function() {
    let functions = [
        (0, "caller"),
        (0x100, "called_from_cold"),
        (0x200, "caller.cold"),
        (0x300, "end"),
    ];
    let code = [
        (0x10, JUMP, 0x220),
        (0x220, CALL, 0x100),
        (0x230, JUMP, 0x15),
    ];
    assert_eq!(calls(&functions, &code).callees, [call(0x100)]);
}

#[test]
fn thunks_and_trampolines_are_no_callees() {
    let functions = [
        (0, "caller"),
        (0x200, "__x86_indirect_thunk_rax"),
        (0x220, "srso_return_thunk"),
        (0x240, "__fentry__"),
        (0x260, "__SCT__set"),
        (0x280, "__SCT__unset"),
        (0x2a0, "bpf_trampoline_6442"),
        (0x2c0, "__pi___x86_indirect_thunk_rbx"),
        (0x300, "target"),
        (0x400, "end"),
    ];
    let code = [
        (0x00, CALL, 0x240),
        (0x10, CALL, 0x200),
        (0x20, CALL, 0x260),
        (0x30, JUMP, 0x280),
        (0x40, JUMP, 0x220),
        (0x50, CALL, 0x2a0),
        (0x60, JUMP, 0x2c0),
        (0x260, JUMP, 0x300),
        // A trampoline that leads to itself ends somewhere.
        (0x280, JUMP, 0x280),
    ];
    assert_eq!(
        calls(&functions, &code),
        Calls {
            callees: vec![call(0x300)],
            indirect: 2
        }
    );
}

#[test]
fn padding_and_landing_pad_count_as_the_function() {
    let functions = [
        (0, "caller"),
        (0x100, "padded"),
        (0x200, "other"),
        (0x300, "end"),
    ];
    let code = [(0x00, CALL, 0xf6), (0x10, CALL, 0x204), (0x20, JUMP, 0x200)];
    assert_eq!(
        calls(&functions, &code).callees,
        [call(0x100), tail_jump(0x200)]
    );
}

proptest! {
    #[test]
    fn any_code_never_panics(code in prop::collection::vec(any::<u8>(), 0x400)) {
        let symbols = symbols(&[(0, "caller"), (0x100, "caller.cold"), (0x180, "__SCT__a"), (0x200, "b"), (0x300, "c")]);
        let read = |start: Address, length: usize| {
            let start = usize::try_from(start.0 - BASE).unwrap();
            Ok(code.get(start..code.len().min(start + length)).unwrap_or_default().to_vec())
        };
        for function in symbols.functions() {
            let _ = calls_in(&symbols, &function, &read);
        }
    }
}
