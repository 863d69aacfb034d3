//! The kernel's own symbol table, decoded from its memory.
//!
//! The kernel prints `/proc/kallsyms` a line at a time, some 3,000 instructions each, which is half
//! a second of an emulated machine. The table that it prints from is three megabytes of read-only
//! data (scripts/kallsyms.c): names as bytes that each stand for a token, and a 32-bit offset each.
//! Decoding it here takes a hundred instructions a symbol. vmcoreinfo says where its parts are.
//!
//! How an offset becomes an address changed twice, and no part of the table says how. So each form
//! is tried on `_stext`, whose address vmcoreinfo gives too, and a table whose addresses do not
//! ascend is refused. The caller then reads `/proc/kallsyms`.

use super::Symbol;
use crate::kernel::{Address, kcore::CodeReader};

/// Where vmcoreinfo says that a symbol is.
pub(super) type Announced<'a> = &'a dyn Fn(&str) -> Option<Address>;

/// More than any kernel has; there are some 250,000.
const MOST_SYMBOLS: usize = 1 << 22;
/// Larger than the names of any kernel, bytes.
const LONGEST_NAMES: u64 = 1 << 26;
/// The longest name with its type (KSYM_NAME_LEN).
const LONGEST_NAME: usize = 512;
/// A name is copied a token at a time, and so much of each, which is all of nearly every one.
const STEP: usize = 16;
/// Enough for any name, bytes; one that does not fit is damaged.
const ROOM: usize = 4 * LONGEST_NAME;

/// The parts of the table as they lie in memory.
pub(super) struct Table {
    names: Vec<u8>,
    tokens: Vec<Token>,
    offsets: Vec<u32>,
    /// Where the offsets lie themselves.
    place: u64,
    base: Option<u64>,
    stext: u64,
}

/// How an offset becomes an address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Form {
    /// Above the base (6.15+).
    Above(u64),
    /// Below zero it counts from the base on, else it is the address of a per-CPU variable.
    Signed(u64),
    /// From its own place on (7.x).
    FromPlace(u64),
}

/// What a byte of a name stands for.
struct Token {
    length: usize,
    /// The beginning, with zeroes after it.
    head: [u8; STEP],
    /// What follows, of the few that are longer.
    tail: Vec<u8>,
}

impl Table {
    /// Reads the parts; none if the kernel does not say where they are.
    pub(super) fn read(announced: Announced<'_>, read: CodeReader<'_>) -> Option<Self> {
        let whole = |start: Address, length: usize| {
            let bytes = read(start, length).ok()?;
            (bytes.len() == length).then_some(bytes)
        };
        let names = announced("kallsyms_names")?;
        let tokens = announced("kallsyms_token_table")?;
        let token_index = announced("kallsyms_token_index")?;
        let place = announced("kallsyms_offsets")?;
        let count = whole(announced("kallsyms_num_syms")?, 4)?;
        let count = u32::from_ne_bytes(*count.first_chunk()?) as usize;
        let between = |start: Address, end: Address| {
            let length = end.since(start).filter(|length| *length < LONGEST_NAMES)?;
            whole(start, usize::try_from(length).ok()?)
        };
        if count > MOST_SYMBOLS {
            return None;
        }
        let base = match announced("kallsyms_relative_base") {
            Some(place) => Some(u64::from_ne_bytes(*whole(place, 8)?.first_chunk()?)),
            None => None,
        };
        let offsets = whole(place, 4 * count)?;
        let (offsets, _) = offsets.as_chunks::<4>();
        Some(Self {
            names: between(names, tokens)?,
            tokens: read_tokens(&between(tokens, token_index)?, &whole(token_index, 512)?)?,
            offsets: offsets
                .iter()
                .map(|word| u32::from_ne_bytes(*word))
                .collect(),
            place: place.0,
            base,
            stext: announced("_stext")?.0,
        })
    }

    /// The names, one a line, and the symbols that point into them; none if the table is not
    /// understood.
    pub(super) fn decode(&self) -> Option<(Vec<u8>, Vec<Symbol>)> {
        let mut text = Vec::with_capacity(self.names.len() * 4);
        let mut end = 0;
        let mut symbols = Vec::with_capacity(self.offsets.len());
        let mut stext = None;
        let mut rest = self.names.as_slice();
        for number in 0..self.offsets.len() {
            let (name, after) = split_name(rest)?;
            rest = after;
            if text.len() < end + ROOM {
                text.resize(end + 64 * ROOM, 0);
            }
            let start = end;
            let length = self.expand(name, start, &mut text)?;
            end += length;
            let kind = text[start];
            text[end] = b'\n';
            let name = &text[start + 1..end];
            if name == b"_stext" {
                stext = Some(number);
            }
            if super::is_passed_over(name) {
                end = start;
                continue;
            }
            end += 1;
            symbols.push(Symbol {
                // Not yet an address: the form is found by a symbol that may come late.
                address: number as u64,
                name: u32::try_from(start + 1).ok()?,
                name_length: u16::try_from(length - 1).ok()?,
                is_function: super::is_function(kind),
            });
        }
        text.truncate(end);
        let form = self.form(stext?)?;
        let mut before = 0;
        for symbol in &mut symbols {
            let number = usize::try_from(symbol.address).ok()?;
            symbol.address = form.address(number, self.offsets[number]);
            if symbol.address < before {
                return None;
            }
            before = symbol.address;
        }
        Some((text, symbols))
    }

    /// Writes a name at `start`, where there is room for it; says how long it is.
    #[inline]
    fn expand(&self, name: &[u8], start: usize, text: &mut [u8]) -> Option<usize> {
        let mut end = start;
        for byte in name {
            let token = &self.tokens[usize::from(*byte)];
            text.get_mut(end..end + STEP)?.copy_from_slice(&token.head);
            if token.length > STEP {
                let tail = end + STEP..end + token.length;
                text.get_mut(tail)?.copy_from_slice(&token.tail);
            }
            end += token.length;
        }
        let length = end - start;
        (1 < length && length <= LONGEST_NAME).then_some(length)
    }

    /// The form by which `_stext` is where the kernel says it is.
    fn form(&self, stext: usize) -> Option<Form> {
        let forms = match self.base {
            Some(base) => [Form::Above(base), Form::Signed(base)],
            None => [Form::FromPlace(self.place); 2],
        };
        let offset = self.offsets[stext];
        forms
            .into_iter()
            .find(|form| form.address(stext, offset) == self.stext)
    }
}

impl Form {
    fn address(self, number: usize, offset: u32) -> u64 {
        let signed = i64::from(offset.cast_signed());
        match self {
            Self::Above(base) => base.wrapping_add(u64::from(offset)),
            Self::Signed(_) if signed >= 0 => u64::from(offset),
            Self::Signed(base) => base.wrapping_sub(1).wrapping_add_signed(-signed),
            Self::FromPlace(place) => place
                .wrapping_add(4 * number as u64)
                .wrapping_add_signed(signed),
        }
    }
}

/// The first name and what follows it. Its length takes a second byte from 128 on.
#[inline]
fn split_name(names: &[u8]) -> Option<(&[u8], &[u8])> {
    let (&length, rest) = names.split_first()?;
    if length < 0x80 {
        return rest.split_at_checked(usize::from(length));
    }
    let (&high, rest) = rest.split_first()?;
    rest.split_at_checked(usize::from(length & 0x7f) | usize::from(high) << 7)
}

/// 256 strings that end with a zero, and where each begins.
fn read_tokens(table: &[u8], index: &[u8]) -> Option<Vec<Token>> {
    let (index, _) = index.as_chunks::<2>();
    index
        .iter()
        .map(|place| {
            let rest = table.get(usize::from(u16::from_ne_bytes(*place))..)?;
            let length = rest.iter().position(|byte| *byte == 0)?;
            let (head, tail) = rest[..length].split_at(length.min(STEP));
            let mut token = Token {
                length,
                head: [0; STEP],
                tail: tail.to_vec(),
            };
            token.head[..head.len()].copy_from_slice(head);
            Some(token)
        })
        .collect()
}

#[cfg(test)]
mod tests;
