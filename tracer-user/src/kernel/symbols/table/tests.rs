#![allow(clippy::cast_possible_truncation, reason = "small numbers of tests")]

use proptest::prelude::*;

use super::*;
use crate::kernel::made_up::Memory;

const NAMES: u64 = 0xffff_ffff_8200_0000;
const TOKENS: u64 = NAMES + 0x1000;
const INDEX: u64 = TOKENS + 0x1000;
const OFFSETS: u64 = INDEX + 0x1000;
const COUNT: u64 = OFFSETS + 0x1000;
const BASE: u64 = COUNT + 0x1000;
const TEXT: u64 = 0xffff_ffff_8100_0000;
/// Two bytes that stand for more than themselves.
const SYS: u8 = 0x80;
const LONG: u8 = 0x81;
const LONG_TOKEN: &str = "a_token_of_more_than_sixteen_bytes_";

const SYMBOLS: &[(&str, u64)] = &[
    ("Apcpu_hot", 0x1000),
    ("T_stext", TEXT),
    ("T_text", TEXT),
    ("t__pfx_helper", TEXT + 0x10),
    ("thelper", TEXT + 0x20),
    ("Ta_token_of_more_than_sixteen_bytes_and_sys_x", TEXT + 0x40),
    ("Dmodules", TEXT + 0x4000),
];

/// Writes the table as scripts/kallsyms.c does.
fn table(symbols: &[(&str, u64)], form: Form) -> Memory {
    let mut names = Vec::new();
    let mut offsets = Vec::new();
    for (number, (name, address)) in symbols.iter().enumerate() {
        let name = name.as_bytes();
        let mut packed = Vec::new();
        let mut rest = name;
        while let Some((first, after)) = rest.split_first() {
            let tokens = [(SYS, "sys_"), (LONG, LONG_TOKEN)];
            let token = tokens
                .iter()
                .find_map(|(byte, token)| Some((*byte, rest.strip_prefix(token.as_bytes())?)));
            let (byte, after) = token.unwrap_or((*first, after));
            packed.push(byte);
            rest = after;
        }
        match packed.len() {
            length @ 0..0x80 => names.push(length as u8),
            length => names.extend([0x80 | length as u8 & 0x7f, (length >> 7) as u8]),
        }
        names.extend(packed);
        let offset = match form {
            Form::Above(base) => address.wrapping_sub(base) as u32,
            Form::Signed(base) if *address >= base => (base - 1).wrapping_sub(*address) as u32,
            Form::Signed(_) => *address as u32,
            Form::FromPlace(place) => address.wrapping_sub(place + 4 * number as u64) as u32,
        };
        offsets.extend(offset.to_ne_bytes());
    }
    let mut tokens = Vec::new();
    let mut index = Vec::new();
    for byte in 0..=u8::MAX {
        index.extend((tokens.len() as u16).to_ne_bytes());
        match byte {
            SYS => tokens.extend(b"sys_"),
            LONG => tokens.extend(LONG_TOKEN.bytes()),
            // No name has a zero.
            0 => tokens.push(b'0'),
            _ => tokens.push(byte),
        }
        tokens.push(0);
    }
    let mut memory = Memory::default();
    for (place, bytes) in [
        (NAMES, names),
        (TOKENS, tokens),
        (INDEX, index),
        (OFFSETS, offsets),
        (COUNT, (symbols.len() as u32).to_ne_bytes().to_vec()),
    ] {
        memory.put(place, &bytes);
    }
    if let Form::Above(base) | Form::Signed(base) = form {
        memory.put_longs(BASE, &[base]);
    }
    memory
}

/// What vmcoreinfo says; without a base from some 7.x on.
fn announced(symbol: &str, has_base: bool) -> Option<Address> {
    Some(Address(match symbol {
        "kallsyms_names" => NAMES,
        "kallsyms_token_table" => TOKENS,
        "kallsyms_token_index" => INDEX,
        "kallsyms_offsets" => OFFSETS,
        "kallsyms_num_syms" => COUNT,
        "kallsyms_relative_base" if has_base => BASE,
        "_stext" => TEXT,
        _ => return None,
    }))
}

fn decoded(memory: &Memory, has_base: bool) -> Option<Vec<(String, u64, bool)>> {
    let read = |start: Address, length: usize| memory.read(start, length);
    let table = Table::read(&|symbol| announced(symbol, has_base), &read)?;
    let (text, symbols) = table.decode()?;
    let named = symbols.iter().map(|symbol| {
        let name = String::from_utf8_lossy(symbol.name_in(&text)).into_owned();
        (name, symbol.address, symbol.is_function)
    });
    Some(named.collect())
}

fn expected() -> Vec<(String, u64, bool)> {
    let symbols = SYMBOLS.iter().filter(|(name, _)| !name.contains("__pfx_"));
    symbols
        .map(|(name, address)| {
            let is_function = name.starts_with(['t', 'T']);
            (name[1..].to_owned(), *address, is_function)
        })
        .collect()
}

#[test]
fn each_form_is_found_by_itself() {
    // Addresses of per-CPU variables are small numbers before 6.15 only.
    let above: Vec<_> = SYMBOLS[1..].to_vec();
    for (form, symbols) in [
        (Form::Signed(TEXT), SYMBOLS),
        (Form::Above(TEXT), &above),
        (Form::FromPlace(OFFSETS), &above),
    ] {
        let has_base = !matches!(form, Form::FromPlace(_));
        let found = decoded(&table(symbols, form), has_base).unwrap();
        assert_eq!(
            found,
            expected()[SYMBOLS.len() - symbols.len()..],
            "{form:?}"
        );
    }
}

#[test]
fn long_names_have_two_bytes_of_length() {
    for length in [127, 128, 300, 511] {
        let name = format!("t{}", "x".repeat(length));
        let symbols = [("T_stext", TEXT), (name.as_str(), TEXT + 0x10)];
        let found = decoded(&table(&symbols, Form::Above(TEXT)), true).unwrap();
        assert_eq!(found[1].0.len(), length);
    }
}

#[test]
fn a_table_that_does_not_fit_is_refused() {
    let moved = [("T_stext", TEXT + 0x10)];
    assert_eq!(decoded(&table(&moved, Form::Above(TEXT)), true), None);
    let falling = [("T_stext", TEXT), ("tb", TEXT + 0x20), ("tc", TEXT + 0x10)];
    assert_eq!(decoded(&table(&falling, Form::Above(TEXT)), true), None);
    let nameless = [("tb", TEXT)];
    assert_eq!(decoded(&table(&nameless, Form::Above(TEXT)), true), None);
}

proptest! {
    #[test]
    fn damage_never_panics(
        changes in prop::collection::vec((0..5_usize, 0..600_u64, any::<u8>()), 1..6),
    ) {
        let mut memory = table(SYMBOLS, Form::Signed(TEXT));
        for (piece, offset, value) in changes {
            let place = [NAMES, TOKENS, INDEX, OFFSETS, COUNT][piece] + offset;
            prop_assert!(memory.change(place, value));
        }
        let _ = decoded(&memory, true);
    }
}
