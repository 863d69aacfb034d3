//! An index from names to numbers, for lists of a hundred thousand names that are read once.
//!
//! The names stay in the text they were read from; the index holds numbers only, in open
//! addressing, and the caller compares names. Building it costs one multiplication for every eight bytes of a
//! name and one store: a sorted list or a map of strings costs ten times as much, which is felt in
//! an emulated machine. Names that stand more than once come back in the order they were added.

const EMPTY: u32 = u32::MAX;
const MULTIPLIER: u64 = 0x9e37_79b9_7f4a_7c15;

/// Numbers by the hash of the name they belong to.
#[derive(Debug, Default)]
pub(super) struct NameIndex {
    slots: Vec<u32>,
}

impl NameIndex {
    /// An index of `names`, each with its position; at most 2^31 names.
    pub(super) fn build<'a>(names: impl ExactSizeIterator<Item = &'a [u8]>) -> Self {
        // At most half full, so that chains stay short.
        let size = (names.len().max(1) * 2).next_power_of_two();
        let mut slots = vec![EMPTY; size];
        for (number, name) in (0..EMPTY).zip(names) {
            let mut slot = slot_of(name, size);
            while slots[slot] != EMPTY {
                slot = (slot + 1) & (size - 1);
            }
            slots[slot] = number;
        }
        Self { slots }
    }

    /// The numbers that may belong to `name`, in the order they were added; others are among them.
    pub(super) fn candidates(&self, name: &[u8]) -> impl Iterator<Item = u32> + '_ {
        let size = self.slots.len();
        let start = if size == 0 { 0 } else { slot_of(name, size) };
        (0..size)
            .map(move |step| self.slots[(start + step) & (size - 1)])
            .take_while(|number| *number != EMPTY)
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
