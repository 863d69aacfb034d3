use std::{fs, process::Command};

use proptest::prelude::*;

use super::*;

const START: Address = Address(0xffff_8000_8001_0000);

fn code(words: &[u32]) -> Vec<u8> {
    words.iter().flat_map(|word| word.to_le_bytes()).collect()
}

#[test]
fn calls_and_jumps_are_found() {
    let code = code(&[
        NOP,
        KEEP_LINK,
        0xd503_233f, // paciasp
        0x9400_003d, // bl START+0x100
        0x5400_0040, // b.eq START+0x18
        0xd63f_0000, // blr x0
        0xb5ff_ff41, // cbnz x1, START
        0x3600_0022, // tbz w2, #0, START+0x20
        0xd61f_0a1f, // braaz x16
        0xd65f_0bff, // retaa
        0x17ff_fff6, // b START
    ]);
    let call = |target| Branch {
        kind: BranchKind::Call,
        target: START.plus(target),
    };
    let jump = |target| Branch {
        kind: BranchKind::Jump,
        target: START.plus(target),
    };
    let found = branches(&code, START);
    let expected = [call(0x100), jump(0x18), jump(0), jump(0x20), jump(0)];
    assert_eq!((found.direct, found.indirect), (expected.to_vec(), 2));
}

#[test]
fn the_place_that_is_patched_is_known_with_and_without_a_landing_pad() {
    const CALL: u32 = 0x9400_1234;
    for pad in [&[][..], &[LANDING_PAD]] {
        for keeps in [NOP, KEEP_LINK] {
            let entry = |word| code(&[pad, &[keeps, word]].concat());
            let place = WORD * (pad.len() + 1);
            assert_eq!(patchable_place(&entry(NOP)), Some(place));
            assert_eq!(patchable_place(&entry(CALL)), Some(place));
            assert_eq!(is_patched(&entry(NOP)), Some(false));
            assert_eq!(is_patched(&entry(CALL)), Some(true));
            assert_eq!(is_patched(&entry(0xd420_0080)), Some(true));
            // stp x29, x30, [sp, #-16]!: code of its own.
            assert_eq!(is_patched(&entry(0xa9bf_7bfd)), None);
            assert_eq!(patchable_place(&entry(0xa9bf_7bfd)), None);
        }
    }
    assert_eq!(is_patched(&[]), None);
    // paciasp; stp x29, x30, [sp, #-16]!: a function that ftrace does not know.
    assert_eq!(is_patched(&code(&[0xd503_233f, 0xa9bf_7bfd, NOP])), None);
}

#[test]
fn arguments_are_what_is_read_before_it_is_written() {
    let count = |words: &[u32]| arguments_read(&code(words), START, |_| true);
    // A traced function; paciasp; mov x19, x1; mov x2, #0; mov x0, x2.
    let begin = [KEEP_LINK, 0x9400_1234, 0xd503_233f];
    let with = |words: &[u32]| count(&[&begin[..], words].concat());
    assert_eq!(with(&[0xaa01_03f3, 0xd280_0002, 0xaa02_03e0]), Some(2));
    // cbz x3, .+8; ldr x0, [x4]: after a jump that need not be taken.
    assert_eq!(with(&[0xb400_0043, 0xf940_0080]), Some(5));
    // After a call, and after the end: mov x0, x7.
    assert_eq!(with(&[0x9400_0000, 0xaa07_03e0]), Some(0));
    assert_eq!(with(&[0xd65f_03c0, 0xaa07_03e0]), Some(0));
    // A kprobe after it.
    assert_eq!(with(&[0xd420_0080]), None);
    // A warning of the kernel's own.
    assert_eq!(with(&[0xd421_0000]), Some(0));
    assert_eq!(count(&[]), Some(0));
}

proptest! {
    #[test]
    fn any_bytes_never_panic(code in prop::collection::vec(any::<u8>(), 0..300), start: u64) {
        let _ = branches(&code, Address(start));
        let _ = leading_jump(&code, Address(start));
        let _ = is_patched(&code);
        let read = arguments_read(&code, Address(start), |_| true);
        prop_assert!(read.is_none_or(|read| read <= ARGUMENT_REGISTERS as usize));
    }

    #[test]
    fn what_is_likely_is_what_is_decoded(code in prop::collection::vec(any::<u32>(), 0..100)) {
        let code: Vec<u8> = code.iter().flat_map(|word| word.to_le_bytes()).collect();
        let calls = branches(&code, START).direct;
        let calls = calls.iter().filter(|it| it.kind == BranchKind::Call).map(|it| it.target);
        let likely = likely_branches(BranchKind::Call, &code, START, code.len());
        prop_assert!(calls.eq(likely.map(|(_, to)| to)));
    }
}

/// One line of objdump: the mnemonic and where it leads.
fn disassembled(line: &str) -> Option<(String, Option<u64>)> {
    let mut fields = line.split('\t').skip(2);
    let mnemonic = fields.next()?.trim().to_owned();
    let operands = fields.next().unwrap_or_default();
    let target = operands.split([' ', ',']).rev().find_map(|word| {
        let digits = word.strip_prefix("0x")?;
        u64::from_str_radix(digits, 16).ok()
    });
    Some((mnemonic, target))
}

/// Instructions of any kind, as another program reads them: it says of the same ones that they
/// branch, and where to. Needs objdump for this processor, which Debian has in
/// binutils-aarch64-linux-gnu.
#[test]
fn another_disassembler_sees_the_same_branches() {
    const COUNT: usize = 20_000;
    const BRANCHES: [&str; 6] = ["bl", "b", "cbz", "cbnz", "tbz", "tbnz"];
    let mut random = fastrand::Rng::with_seed(7);
    let mut words: Vec<u32> = (0..COUNT).map(|_| random.u32(..)).collect();
    // Of any words one in seven branches; here as many as not.
    for word in words.iter_mut().step_by(2) {
        let opcode = [0x14, 0x94, 0x97, 0x54, 0x34, 0xb5, 0x36, 0xb7, 0xd6][random.usize(..9)];
        *word = *word >> 8 | opcode << 24;
    }
    let file = tempfile::NamedTempFile::new().unwrap();
    fs::write(file.path(), code(&words)).unwrap();
    let mut objdump = Command::new("aarch64-linux-gnu-objdump");
    objdump.args(["-D", "-b", "binary", "-m", "aarch64", "-M", "no-aliases"]);
    objdump.arg(format!("--adjust-vma={:#x}", START.0));
    let Ok(output) = objdump.arg(file.path()).output() else {
        println!("skipped: there is no aarch64-linux-gnu-objdump");
        return;
    };
    let text = String::from_utf8(output.stdout).unwrap();
    let lines = text.lines().filter(|line| line.starts_with("ffff"));
    let lines: Vec<_> = lines.filter_map(disassembled).collect();
    assert_eq!(lines.len(), COUNT);
    let mut seen = 0;
    for ((at, word), (mnemonic, target)) in (0..).step_by(WORD).zip(&words).zip(&lines) {
        let is_branch = BRANCHES.contains(&&**mnemonic) || mnemonic.starts_with("b.");
        // A newer processor's conditional branch, which is one all the same.
        let is_branch = is_branch || mnemonic.starts_with("bc.");
        let found = branches(&word.to_le_bytes(), START.plus(at));
        let ours = found.direct.first().map(|branch| branch.target.0);
        if is_branch {
            assert_eq!(ours, *target, "{word:#010x} {mnemonic}");
            seen += 1;
        } else if !mnemonic.starts_with('.') {
            assert_eq!(ours, None, "{word:#010x} {mnemonic}");
        }
        let is_indirect = ["br", "blr"].contains(&&**mnemonic)
            || mnemonic.starts_with("bra")
            || mnemonic.starts_with("blra");
        if is_indirect {
            assert_eq!(found.indirect, 1, "{word:#010x} {mnemonic}");
        }
    }
    assert!(seen > COUNT / 3, "{seen}");
}
