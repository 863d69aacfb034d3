//! An index from names to numbers, for lists of a hundred thousand names that are read once.
//!
//! The names stay in the text they were read from; the index holds numbers only, in one chain for
//! each hash, and the caller compares names. Building it costs one multiplication for every eight
//! bytes of a name and two stores, also where a name stands a thousand times, as `__func__.0` does:
//! a sorted list or a map of strings costs ten times as much, which is felt in an emulated machine.
//! Names that stand more than once come back in the order they were added.

use std::iter;

const END: u32 = u32::MAX;
const MULTIPLIER: u64 = 0x9e37_79b9_7f4a_7c15;

/// Numbers by the hash of the name they belong to.
#[derive(Debug, Default)]
pub(super) struct NameIndex {
    /// The first of each chain.
    first: Vec<u32>,
    /// The one behind each number in its chain.
    next: Vec<u32>,
}

impl NameIndex {
    /// An index of `names`, each with its position; at most 2^31 names.
    pub(super) fn build<'a>(
        names: impl ExactSizeIterator<Item = &'a [u8]> + DoubleEndedIterator,
    ) -> Self {
        let size = names.len().max(1).next_power_of_two();
        let mut first = vec![END; size];
        let mut next = vec![END; names.len()];
        // Backwards, because each goes to the front of its chain.
        for (number, name) in names.enumerate().rev() {
            let slot = &mut first[slot_of(name, size)];
            next[number] = *slot;
            // None from a position that no list of names has.
            *slot = u32::try_from(number).unwrap_or(END);
        }
        Self { first, next }
    }

    /// The numbers that may belong to `name`, in the order they were added; others are among them.
    pub(super) fn candidates(&self, name: &[u8]) -> impl Iterator<Item = u32> + '_ {
        let first = match self.first.len() {
            0 => END,
            size => self.first[slot_of(name, size)],
        };
        let known = |number: u32| (number != END).then_some(number);
        iter::successors(known(first), move |number| {
            known(*self.next.get(*number as usize)?)
        })
    }
}

/// The slot a name starts at; `size` is a power of two.
fn slot_of(name: &[u8], size: usize) -> usize {
    let mut hash = name.len() as u64;
    let (chunks, rest) = name.as_chunks::<8>();
    for chunk in chunks {
        hash = mix(hash, u64::from_le_bytes(*chunk));
    }
    let mut last = [0; 8];
    last[..rest.len()].copy_from_slice(rest);
    hash = mix(hash, u64::from_le_bytes(last));
    // The high bits depend on all of the name.
    let slot = (hash >> 24) as usize;
    slot & (size - 1)
}

fn mix(hash: u64, word: u64) -> u64 {
    let mixed = (hash.rotate_left(23) ^ word).wrapping_mul(MULTIPLIER);
    mixed ^ (mixed >> 32)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn an_empty_index_finds_nothing() {
        assert_eq!(NameIndex::default().candidates(b"a").count(), 0);
        let none: [&[u8]; 0] = [];
        assert_eq!(
            NameIndex::build(none.into_iter()).candidates(b"a").count(),
            0
        );
    }

    proptest! {
        #[test]
        fn finds_every_name_in_order(names in prop::collection::vec("[a-c_]{0,20}", 0..60)) {
            let index = NameIndex::build(names.iter().map(String::as_bytes));
            for wanted in &names {
                let found: Vec<u32> = index
                    .candidates(wanted.as_bytes())
                    .filter(|number| names[*number as usize] == *wanted)
                    .collect();
                let expected: Vec<u32> = (0u32..)
                    .zip(&names)
                    .filter(|(_, name)| *name == wanted)
                    .map(|(number, _)| number)
                    .collect();
                prop_assert_eq!(found, expected);
            }
        }
    }
}
