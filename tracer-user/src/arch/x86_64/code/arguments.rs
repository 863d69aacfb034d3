//! How many arguments a function takes, by what its first instructions read.
//!
//! What the types say is taken from BTF; this is for functions of which it says too much: compilers
//! drop arguments that a function does not use, and then the registers hold something else.

use iced_x86::{
    Decoder, DecoderError, DecoderOptions, FlowControl, Instruction, InstructionInfoFactory,
    Mnemonic, OpAccess, OpKind, Register,
};

use super::{
    super::ARGUMENT_REGISTERS,
    entry::{NOTHING, landing_pad},
    goes_near,
};
use crate::arch::Address;

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
    use proptest::prelude::*;

    use super::*;

    const START: Address = Address(0xffff_ffff_8100_0000);

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
            let read = arguments_read(&code, Address(start), |_| true);
            prop_assert!(read.is_none_or(|read| read <= ARGUMENTS.len()));
        }
    }
}
