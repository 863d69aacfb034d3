//! Kernel memory and types that tests make up.

#![allow(clippy::cast_possible_truncation, reason = "small numbers of tests")]

use std::collections::BTreeMap;

use super::{Address, btf::Types, kcore::CodeError};

/// Pieces of memory by address.
#[derive(Default)]
pub struct Memory(BTreeMap<u64, Vec<u8>>);

impl Memory {
    /// Puts bytes at an address, and zeroes after them, as memory has something there.
    pub fn put(&mut self, place: u64, bytes: &[u8]) {
        let mut bytes = bytes.to_vec();
        bytes.resize(bytes.len() + 0x1000, 0);
        self.0.insert(place, bytes);
    }

    /// Puts words of eight bytes.
    pub fn put_longs(&mut self, place: u64, words: &[u64]) {
        let bytes: Vec<u8> = words.iter().flat_map(|word| word.to_ne_bytes()).collect();
        self.put(place, &bytes);
    }

    /// Changes a byte of what was put at or before an address; says whether there is one.
    pub fn change(&mut self, place: u64, value: u8) -> bool {
        let piece = self.0.range_mut(..=place).next_back();
        let byte = piece.and_then(|(start, bytes)| bytes.get_mut((place - start) as usize));
        byte.map(|byte| *byte = value).is_some()
    }

    /// Reads as `/proc/kcore` is read.
    pub fn read(&self, start: Address, length: usize) -> Result<Vec<u8>, CodeError> {
        let piece = self.0.range(..=start.0).next_back();
        piece
            .and_then(|(place, bytes)| {
                let within = usize::try_from(start.0 - place).ok()?;
                Some(bytes.get(within..within.checked_add(length)?)?.to_vec())
            })
            .ok_or(CodeError::Unmapped(start))
    }
}

/// A structure: name, bytes, and members with their offsets in bytes.
pub type Structure<'a> = (&'a str, u32, &'a [(&'a str, u32)]);

/// Types with these structures.
pub fn structures(all: &[Structure<'_>]) -> Types {
    let mut names = vec![0];
    let mut name = |text: &str| {
        let offset = names.len() as u32;
        names.extend(text.bytes().chain([0]));
        offset
    };
    let mut types = Vec::new();
    for (structure, size, members) in all {
        types.extend([name(structure), 4 << 24 | members.len() as u32, *size]);
        for (member, offset) in *members {
            types.extend([name(member), 0, 8 * offset]);
        }
    }
    let length = 4 * types.len() as u32;
    let header = [0x0001_eb9f, 24, 0, length, length, names.len() as u32];
    let words = header.into_iter().chain(types);
    let bytes = words.flat_map(u32::to_ne_bytes).chain(names).collect();
    Types::parse(bytes).unwrap()
}
