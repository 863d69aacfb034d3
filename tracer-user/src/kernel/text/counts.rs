//! How often the kernel's text calls each function directly, and where it calls one.
//!
//! The first orders functions, nothing more: on kernels 6.14 to 6.18 an fprobe finds first what was
//! attached last, so what is called most goes last. So the text is not decoded: what looks like a
//! call counts where it would lead to a function's start. Chance seldom does that.

use crate::{
    arch::{
        Address, BranchKind, FURTHEST_PROBE,
        code::{CALL_BYTES, likely_branches},
    },
    kernel::kcore::CodeReader,
};

/// Read at a time, bytes.
const CHUNK: usize = 1 << 20;
/// Functions begin at most this close to each other, mostly, so the search for one starts at its
/// neighbour.
const GRAIN_BITS: u32 = 4;
/// More text than any kernel has, bytes.
const LONGEST_TEXT: u64 = 1 << 30;

/// Where functions begin within the text, found by address in a few instructions.
struct Starts<'a> {
    begin: u64,
    length: u64,
    all: &'a [Address],
    /// For each grain of the text the first start in it or after it.
    grains: Vec<u32>,
}

impl<'a> Starts<'a> {
    fn new(begin: Address, length: u64, all: &'a [Address]) -> Self {
        let grains = usize::try_from(length >> GRAIN_BITS).unwrap_or(0) + 1;
        let mut next = 0;
        let grains = (0..grains as u64).map(|grain| {
            let place = begin.plus(grain << GRAIN_BITS);
            while all.get(next as usize).is_some_and(|start| *start < place) {
                next += 1;
            }
            next
        });
        Self {
            begin: begin.0,
            length,
            all,
            grains: grains.collect(),
        }
    }

    /// The number of the function that begins at `target`, or has its landing pad before it.
    fn find(&self, target: u64) -> Option<usize> {
        let within = target.wrapping_sub(self.begin);
        if within >= self.length {
            return None;
        }
        // The start may be in the grain before, with its landing pad across the border.
        let grain = usize::try_from(within.saturating_sub(FURTHEST_PROBE) >> GRAIN_BITS).ok()?;
        let first = *self.grains.get(grain)? as usize;
        let after = self.all.get(first..)?.iter();
        (first..)
            .zip(after)
            .take_while(|(_, start)| start.0 <= target)
            .find(|(_, start)| start.0 == target || start.0 + FURTHEST_PROBE == target)
            .map(|(number, _)| number)
    }
}

/// For each of `starts`, which ascend, how many calls the text from `begin` to `end` has of it.
/// What cannot be read has none.
pub(super) fn call_counts(
    begin: Address,
    end: Address,
    starts: &[Address],
    read: CodeReader<'_>,
) -> Vec<u32> {
    let mut counts = vec![0; starts.len()];
    let known = Starts::new(begin, length(begin, end), starts);
    for_each(BranchKind::Call, (begin, end), read, |_, target| {
        if let Some(number) = known.find(target) {
            counts[number] += 1;
        }
    });
    counts
}

/// Where the text from `begin` to `end` calls or jumps to `target`.
pub(super) fn calls_of(
    target: Address,
    (begin, end): (Address, Address),
    read: CodeReader<'_>,
) -> Vec<Address> {
    let mut places = Vec::new();
    for kind in [BranchKind::Call, BranchKind::Jump] {
        for_each(kind, (begin, end), read, |place, to| {
            if to == target.0 {
                places.push(place);
            }
        });
    }
    places
}

fn length(begin: Address, end: Address) -> u64 {
    end.since(begin).unwrap_or(0).min(LONGEST_TEXT)
}

/// Visits what may be a branch of that kind: where it is and where it leads.
fn for_each(
    kind: BranchKind,
    (begin, end): (Address, Address),
    read: CodeReader<'_>,
    mut visit: impl FnMut(Address, u64),
) {
    let length = length(begin, end);
    let mut done = 0;
    while done < length {
        let place = begin.plus(done);
        // A call may begin in one chunk and end in the next.
        let wanted = usize::try_from(length - done).map_or(CHUNK, |left| left.min(CHUNK));
        let with_end = (wanted as u64 + CALL_BYTES as u64 - 1).min(length - done);
        let with_end = usize::try_from(with_end).unwrap_or(wanted);
        let code = read(place, with_end).unwrap_or_default();
        for (from, to) in likely_branches(kind, &code, place, wanted) {
            visit(from, to.0);
        }
        done += wanted as u64;
    }
}

#[cfg(all(test, target_arch = "x86_64"))]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// `call` with a distance of 32 bits.
    const CALL: u8 = 0xe8;
    /// `jmp` with a distance of 32 bits.
    const JUMP: u8 = 0xe9;
    const BEGIN: Address = Address(0xffff_ffff_8100_0000);

    /// Text of `length` bytes of int3 with calls: (where, to where), from `BEGIN` on.
    fn text(length: usize, calls: &[(usize, usize)]) -> Vec<u8> {
        let mut bytes = vec![0xcc; length];
        for (place, target) in calls {
            let distance = i32::try_from(*target).unwrap() - i32::try_from(place + 5).unwrap();
            bytes[*place] = CALL;
            bytes[place + 1..place + 5].copy_from_slice(&distance.to_le_bytes());
        }
        bytes
    }

    fn counts(code: &[u8], starts: &[u64]) -> Vec<u32> {
        let starts: Vec<Address> = starts.iter().map(|start| BEGIN.plus(*start)).collect();
        let read = |start: Address, length: usize| {
            let start = usize::try_from(start.since(BEGIN).unwrap()).unwrap();
            Ok(code[start..code.len().min(start + length)].to_vec())
        };
        call_counts(BEGIN, BEGIN.plus(code.len() as u64), &starts, &read)
    }

    #[test]
    fn calls_of_starts_are_counted() {
        let code = text(
            0x400,
            &[
                (0, 0x100),
                (0x10, 0x100),
                (0x20, 0x104),
                (0x30, 0x101),
                (0x102, 0x203),
                (0x3fb, 0),
            ],
        );
        assert_eq!(counts(&code, &[0, 0x100, 0x200, 0x203]), [1, 3, 0, 1]);
        assert_eq!(counts(&code, &[]), [0; 0]);
    }

    #[test]
    fn calls_of_one_function_are_found() {
        let mut code = text(0x400, &[(0, 0x100), (0x10, 0x104), (0x3fb, 0x100)]);
        code[0x3fb] = JUMP;
        let read = |start: Address, length: usize| {
            let start = usize::try_from(start.since(BEGIN).unwrap()).unwrap();
            Ok(code[start..code.len().min(start + length)].to_vec())
        };
        let found = calls_of(BEGIN.plus(0x100), (BEGIN, BEGIN.plus(0x400)), &read);
        assert_eq!(found, [BEGIN, BEGIN.plus(0x3fb)]);
    }

    #[test]
    fn a_call_across_two_chunks_is_counted_once() {
        for place in CHUNK - 6..=CHUNK + 1 {
            let code = text(CHUNK + 0x100, &[(place, 0x40)]);
            assert_eq!(counts(&code, &[0x40]), [1], "{place:#x}");
        }
    }

    #[test]
    fn text_that_cannot_be_read_has_no_calls() {
        let read = |start, _| Err(super::super::CodeError::Unmapped(start));
        let end = BEGIN.plus(0x2000);
        assert_eq!(call_counts(BEGIN, end, &[BEGIN], &read), [0]);
    }

    proptest! {
        #[test]
        fn any_bytes_are_counted_as_a_plain_search_does(
            code in prop::collection::vec(prop_oneof![Just(CALL), Just(0), Just(0xff), any::<u8>()], 0..300),
            mut starts in prop::collection::btree_set(0_u64..300, 0..20),
        ) {
            let starts: Vec<u64> = std::mem::take(&mut starts).into_iter().collect();
            let mut expected = vec![0; starts.len()];
            for (at, five) in code.windows(5).enumerate() {
                let distance = i32::from_le_bytes(*five[1..].first_chunk().unwrap());
                let target = (at as u64 + 5).wrapping_add_signed(distance.into());
                let found = starts.iter().position(|start| *start == target || start + 4 == target);
                if five[0] == CALL && target < code.len() as u64 && let Some(found) = found {
                    expected[found] += 1;
                }
            }
            prop_assert_eq!(counts(&code, &starts), expected);
        }
    }
}
