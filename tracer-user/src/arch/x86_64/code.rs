//! Machine code: branches, calls, and what stands at the beginning of a function.
//!
//! A linear sweep: kernel functions have their jump tables in read-only data, not in between, so
//! instruction follows instruction. Where bytes do not decode, the sweep ends, and what was found
//! before stands.

use iced_x86::{
    Decoder, DecoderError, DecoderOptions, FlowControl, Instruction, InstructionInfoFactory,
    Mnemonic, OpAccess, OpKind, Register,
};

use super::ARGUMENT_REGISTERS;
pub use crate::arch::branch::Branches;
use crate::arch::{Address, Branch, BranchKind};

/// Bytes of padding in front of a function that may be called instead of it
/// (CONFIG_FUNCTION_PADDING_BYTES: call thunks live there).
pub const FUNCTION_PADDING: u64 = 16;

/// A static-call trampoline is a jump of five bytes and some that mark it
/// (arch/x86/include/asm/static_call.h).
pub const TRAMPOLINE_BYTES: usize = 8;

/// Whether it goes wherever a register says (arch/x86/lib/retpoline.S).
pub fn is_indirect_thunk(name: &str) -> bool {
    name.starts_with("__x86_indirect_")
}

/// What compilers, mitigations and tracers put into functions.
pub fn is_machinery(name: &str) -> bool {
    name.ends_with("return_thunk")
        || name.starts_with("ftrace_")
            && (name.ends_with("caller") || name == "ftrace_trampoline" || name == "ftrace_stub")
        || name.starts_with("bpf_trampoline_")
        || name.starts_with("__fentry__")
}

/// A call with its distance, bytes.
pub const CALL_BYTES: usize = 5;
/// `call` with a distance of 32 bits.
const CALL: u8 = 0xe8;
/// `jmp` with a distance of 32 bits.
const JUMP: u8 = 0xe9;

/// What may be a call, or a jump as a function may end with: where it is, among the first `length`
/// bytes of the code that starts at `start`, and where it leads. Nothing is decoded: each byte that
/// such an instruction begins with is taken for one.
pub fn likely_branches(
    kind: BranchKind,
    code: &[u8],
    start: Address,
    length: usize,
) -> impl Iterator<Item = (Address, Address)> {
    let first = match kind {
        BranchKind::Call => CALL,
        BranchKind::Jump => JUMP,
    };
    memchr::memchr_iter(first, &code[..length.min(code.len())]).filter_map(move |at| {
        let [_, distance @ ..] = code[at..].first_chunk::<CALL_BYTES>()?;
        let from = start.plus(at as u64);
        let distance = i64::from(i32::from_le_bytes(*distance));
        let to = from.plus(CALL_BYTES as u64).plus(distance.cast_unsigned());
        Some((from, to))
    })
}

/// The branches of the code that starts at `start`.
pub fn branches(code: &[u8], start: Address) -> Branches {
    let mut found = Branches::default();
    let mut decoder = Decoder::with_ip(64, code, start.0, DecoderOptions::NONE);
    let mut instruction = Instruction::default();
    while decoder.can_decode() {
        decoder.decode_out(&mut instruction);
        if instruction.is_invalid() {
            break;
        }
        let is_call = instruction.mnemonic() == Mnemonic::Call;
        if goes_near(&instruction) {
            let kind = if is_call {
                BranchKind::Call
            } else {
                BranchKind::Jump
            };
            let target = Address(instruction.near_branch_target());
            found.direct.push(Branch { kind, target });
        } else if is_call || instruction.mnemonic() == Mnemonic::Jmp {
            found.indirect += 1;
        }
    }
    found
}

/// Whether the target stands in the instruction.
fn goes_near(instruction: &Instruction) -> bool {
    matches!(
        instruction.op0_kind(),
        OpKind::NearBranch16 | OpKind::NearBranch32 | OpKind::NearBranch64
    )
}

/// Where the code goes if its first instruction is a jump.
pub fn leading_jump(code: &[u8], start: Address) -> Option<Address> {
    let instruction = Decoder::with_ip(64, code, start.0, DecoderOptions::NONE).decode();
    let jumps = instruction.mnemonic() == Mnemonic::Jmp && goes_near(&instruction);
    jumps.then(|| Address(instruction.near_branch_target()))
}

/// How many bytes the landing pad at a function's start takes, if it has one. After it is the
/// place that ftrace patches.
fn landing_pad(code: &[u8]) -> usize {
    const ENDBR64: [u8; 4] = [0xf3, 0x0f, 0x1e, 0xfa];
    // What the kernel puts where nobody jumps to (seal_endbr, arch/x86/kernel/alternative.c).
    const SEALED: [[u8; 4]; 2] = [[0x66, 0x0f, 0x1f, 0x00], [0x0f, 0x1f, 0x40, 0xd6]];
    let pads = [ENDBR64, SEALED[0], SEALED[1]];
    let pad = pads.iter().find(|pad| code.starts_with(&pad[..]));
    pad.map_or(0, |pad| pad.len())
}

/// What stands at the place that ftrace patches while nobody traces the function (x86_nops of 5
/// bytes, arch/x86/kernel/alternative.c).
pub const NOTHING: [u8; CALL_BYTES] = [0x0f, 0x1f, 0x44, 0x00, 0x00];
/// What may stand there instead begins with this, or as a call does.
const BREAKPOINT: u8 = 0xcc;
/// As much of a function as has all that the kernel patches at its entry: a landing pad and
/// [`NOTHING`], bytes.
pub const ENTRY_BYTES: usize = 9;

/// How far into a function the place is that ftrace can patch: a `nop` of five bytes or a call in
/// its place, after a landing pad if there is one. None if it begins otherwise.
pub fn patchable_place(code: &[u8]) -> Option<usize> {
    let entry = &code[landing_pad(code)..];
    let is_one = entry.starts_with(&NOTHING) || entry.first() == Some(&CALL) && entry.len() >= 5;
    is_one.then_some(code.len() - entry.len())
}

/// Whether the place that ftrace can patch, in a function that begins so, is patched: by a call, by
/// the jump or the breakpoint of another tracer. None if there is no such place, as in a function
/// that ftrace does not know: what stands there is code of its own.
pub fn is_patched(code: &[u8]) -> Option<bool> {
    let entry = &code[landing_pad(code)..];
    match entry.get(..NOTHING.len())? {
        nothing if nothing == NOTHING => Some(false),
        [CALL | JUMP | BREAKPOINT, ..] => Some(true),
        _ => None,
    }
}

/// The registers of the calling convention, in the order of the arguments.
const ARGUMENTS: [Register; ARGUMENT_REGISTERS as usize] = [
    Register::RDI,
    Register::RSI,
    Register::RDX,
    Register::RCX,
    Register::R8,
    Register::R9,
];

/// As much of a function as is looked at for arguments, bytes.
pub const BEGINNING_BYTES: usize = 128;

/// How many arguments in registers the beginning of a function reads for certain: one more than the
/// last register that is read before anything is written to it, on the way that takes no jump, up
/// to the first call.
///
/// Whatever stands at the place that ftrace patches counts as nothing, be it a call of a tracer, of
/// a livepatch or of a kprobe. None if somebody has changed what is behind it: by a breakpoint, by
/// a jump to what is no code of the kernel's own (kernel/kprobes.c, arch/x86/kernel/kprobes/opt.c),
/// or so that it does not decode.
pub fn arguments_read(
    code: &[u8],
    start: Address,
    is_code: impl Fn(Address) -> bool,
) -> Option<usize> {
    let mut code = code.to_vec();
    let pad = landing_pad(&code);
    for (byte, nothing) in code[pad..].iter_mut().zip(NOTHING) {
        *byte = nothing;
    }
    let mut written = Vec::new();
    let mut count = 0;
    let mut infos = InstructionInfoFactory::new();
    let mut decoder = Decoder::with_ip(64, &code, start.0, DecoderOptions::NONE);
    while decoder.can_decode() {
        let instruction = decoder.decode();
        if decoder.last_error() == DecoderError::NoMoreBytes {
            break;
        }
        let leaves = goes_near(&instruction)
            && instruction.mnemonic() == Mnemonic::Jmp
            && !is_code(Address(instruction.near_branch_target()));
        if instruction.is_invalid() || instruction.mnemonic() == Mnemonic::Int3 || leaves {
            return None;
        }
        let goes_on = matches!(
            instruction.flow_control(),
            FlowControl::Next | FlowControl::ConditionalBranch
        );
        if !goes_on {
            break;
        }
        if says_nothing_of_arguments(&instruction) {
            continue;
        }
        let info = infos.info(&instruction);
        let argument = |register: Register| {
            let full = register.full_register();
            ARGUMENTS.iter().position(|&argument| argument == full)
        };
        let used = info.used_registers().iter();
        let used = used.filter_map(|used| Some((argument(used.register())?, used.access())));
        let (reads, writes): (Vec<_>, Vec<_>) =
            used.partition(|(_, access)| reads(*access) && !ignores_its_input(&instruction));
        for (argument, _) in reads {
            if !written.contains(&argument) {
                count = count.max(argument + 1);
            }
            written.push(argument);
        }
        written.extend(writes.into_iter().map(|(argument, _)| argument));
    }
    Some(count)
}

const fn reads(access: OpAccess) -> bool {
    matches!(
        access,
        OpAccess::Read | OpAccess::CondRead | OpAccess::ReadWrite | OpAccess::ReadCondWrite
    )
}

/// A register is saved or named, and its value is not used.
fn says_nothing_of_arguments(instruction: &Instruction) -> bool {
    matches!(instruction.mnemonic(), Mnemonic::Push | Mnemonic::Nop)
}

/// The result is the same whatever the register held: `xor`, `sub` and `sbb` with itself, `or` with
/// all ones, `and` with 0.
fn ignores_its_input(instruction: &Instruction) -> bool {
    let with_itself = instruction.op1_kind() == OpKind::Register
        && instruction.op0_register() == instruction.op1_register();
    let with = |wanted: u64| {
        matches!(
            instruction.op1_kind(),
            OpKind::Immediate8 | OpKind::Immediate8to32 | OpKind::Immediate8to64
        ) && instruction.immediate(1) & 0xff == wanted
    };
    match instruction.mnemonic() {
        Mnemonic::Xor | Mnemonic::Sub | Mnemonic::Sbb => with_itself,
        Mnemonic::Or => with(0xff),
        Mnemonic::And => with(0),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const START: Address = Address(0xffff_ffff_8100_0000);

    #[test]
    fn calls_and_jumps_are_found() {
        let code = [
            0xf3, 0x0f, 0x1e, 0xfa, // endbr64
            0x0f, 0x1f, 0x44, 0x00, 0x00, // nop: the patched-out call of __fentry__
            0xe8, 0xf2, 0x00, 0x00, 0x00, // call START+0x100
            0x74, 0x05, // je START+0x15
            0xff, 0xd0, // call *%rax
            0xff, 0x25, 0x00, 0x00, // the start of jmp *0(%rip), with ...
            0x00, 0x00, // ... its end
            0xe9, 0xe4, 0xff, 0xff, 0xff, // jmp START
        ];
        let call = |target| Branch {
            kind: BranchKind::Call,
            target: START.plus(target),
        };
        let jump = |target| Branch {
            kind: BranchKind::Jump,
            target: START.plus(target),
        };
        assert_eq!(
            branches(&code, START),
            Branches {
                direct: vec![call(0x100), jump(0x15), jump(0x01)],
                indirect: 2
            }
        );
    }

    #[test]
    fn the_sweep_ends_where_nothing_decodes() {
        let code = [
            0xe8, 0, 0, 0, 0,    // call START+5
            0x06, // not an instruction in 64-bit mode
            0xe8, 0, 0, 0, 0,
        ];
        assert_eq!(branches(&code, START).direct.len(), 1);
        assert_eq!(branches(&code[..3], START), Branches::default());
    }

    #[test]
    fn trampolines_are_read() {
        let jump = [0xe9, 0xfb, 0x0f, 0, 0, 0x0f, 0xb9, 0xcc];
        assert_eq!(leading_jump(&jump, START), Some(START.plus(0x1000)));
        // ret; int3: a static call that is set to nothing.
        assert_eq!(leading_jump(&[0xc3, 0xcc, 0xcc, 0xcc, 0xcc], START), None);
        assert_eq!(leading_jump(&[], START), None);
    }

    #[test]
    fn entries_that_can_be_patched_are_known() {
        let nop: &[u8] = &[0x0f, 0x1f, 0x44, 0, 0, 0x55];
        let call: &[u8] = &[0xe8, 1, 2, 3, 4];
        let pads: [&[u8]; 3] = [&[0xf3, 0x0f, 0x1e, 0xfa], &[0x66, 0x0f, 0x1f, 0], &[]];
        for pad in pads {
            let place = |entry: &[u8]| patchable_place(&[pad, entry].concat());
            assert_eq!(place(nop), Some(pad.len()));
            assert_eq!(place(call), Some(pad.len()));
            assert_eq!(place(&[0x55, 0x48, 0x89, 0xe5, 0x5d]), None);
            assert_eq!(place(&[]), None);
        }
    }

    #[test]
    fn what_is_no_patch_is_told_from_one() {
        let pads: [&[u8]; 2] = [&[0xf3, 0x0f, 0x1e, 0xfa], &[]];
        for pad in pads {
            let patched = |entry: &[u8]| is_patched(&[pad, entry].concat());
            assert_eq!(patched(&NOTHING), Some(false));
            for first in [CALL, JUMP, BREAKPOINT] {
                assert_eq!(patched(&[first, 1, 2, 3, 4]), Some(true));
            }
            // push %rbp; mov %rsp,%rbp; pop %rbp: a function that ftrace does not know.
            assert_eq!(patched(&[0x55, 0x48, 0x89, 0xe5, 0x5d]), None);
            assert_eq!(patched(&[CALL, 1]), None);
        }
    }

    #[test]
    fn arguments_are_what_is_read_before_it_is_written() {
        let count =
            |code: &[u8]| arguments_read(&[&NOTHING, code].concat(), START, |_| true).unwrap();
        // nopl 0(%rax,%rax); push %rbp; push %r9; mov %rsi,%rbp; xor %edx,%edx; mov %rdx,%rax; sbb
        // %ecx,%ecx; or $-1,%r8d
        let code = [
            0x0f, 0x1f, 0x44, 0x00, 0x00, 0x55, 0x41, 0x51, 0x48, 0x89, 0xf5, 0x31, 0xd2, 0x48,
            0x89, 0xd0, 0x19, 0xc9, 0x41, 0x83, 0xc8, 0xff,
        ];
        assert_eq!(count(&code), 2);
        // je +0; mov 8(%rdx),%ecx: after a jump that need not be taken.
        assert_eq!(count(&[0x74, 0x00, 0x8b, 0x4a, 0x08]), 3);
        // After a call, and after a jump that is taken: mov %r9,%rax.
        assert_eq!(count(&[0xe8, 0, 0, 0, 0, 0x4c, 0x89, 0xc8]), 0);
        assert_eq!(count(&[0xeb, 0x00, 0x4c, 0x89, 0xc8]), 0);
        assert_eq!(count(&[0x4c, 0x89, 0xc8]), 6);
        assert_eq!(count(&[]), 0);
    }

    #[test]
    fn what_was_patched_hides_no_argument() {
        // A call; push %rbp; mov %rsi,%rbp.
        let traced = [0xe8, 1, 2, 3, 4, 0x55, 0x48, 0x89, 0xf5];
        let own = |_| true;
        assert_eq!(arguments_read(&traced, START, own), Some(2));
        // The same after a landing pad, and what ftrace's place may hold besides: a breakpoint, a
        // jump.
        for patch in [
            [0xe8, 1, 2, 3, 4],
            [0xcc, 0x1f, 0x44, 0, 0],
            [0xe9, 1, 2, 3, 4],
        ] {
            let code = [&[0xf3, 0x0f, 0x1e, 0xfa], &patch[..], &traced[5..]].concat();
            assert_eq!(arguments_read(&code, START, own), Some(2));
        }
        // A kprobe after it: a breakpoint, or a jump to a place of its own.
        let nop = NOTHING;
        let probed = [&nop[..], &[0xcc, 0x48, 0x89, 0xf5]].concat();
        assert_eq!(arguments_read(&probed, START, own), None);
        let jump = [&nop[..], &[0xe9, 0, 0, 0, 0x10]].concat();
        assert_eq!(arguments_read(&jump, START, |_| false), None);
        assert_eq!(arguments_read(&jump, START, own), Some(0));
        // What is no instruction at all.
        assert_eq!(
            arguments_read(&[&nop[..], &[0x06; 8]].concat(), START, own),
            None
        );
    }

    proptest! {
        #[test]
        fn any_bytes_never_panic(code in prop::collection::vec(any::<u8>(), 0..300), start: u64) {
            let _ = branches(&code, Address(start));
            let _ = leading_jump(&code, Address(start));
            let read = arguments_read(&code, Address(start), |_| true);
            prop_assert!(read.is_none_or(|read| read <= ARGUMENTS.len()));
        }
    }
}
