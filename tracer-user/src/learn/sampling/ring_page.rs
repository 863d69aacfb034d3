//! A page of the kernel's trace ring buffer, as `trace_pipe_raw` hands it out.
//!
//! The text form of a trace costs the kernel a symbol look-up or two for each line; the pages are
//! what it has anyway, forty times faster to get. Their form is fixed for user space
//! (include/linux/ring_buffer.h, kernel/trace/ring_buffer.c): a time stamp, the number of bytes in
//! use, then records, each with a word that holds its length and the time since the one before.

/// The bytes in use stand in the low bits; the high ones say that records were lost before the
/// page.
const LENGTH_MASK: u64 = (1 << 27) - 1;
/// RB_MISSED_EVENTS.
const MISSED: u64 = 1 << 31;
const HEADER_BYTES: usize = 16;

/// Values of a record's type-and-length field; 1 to 28 are lengths in words.
const LENGTH_FOLLOWS: u32 = 0;
const PADDING: u32 = 29;
const TIME_EXTEND: u32 = 30;
const TIME_STAMP: u32 = 31;
/// Bits of a time difference that stand in the record's first word.
const DELTA_BITS: u32 = 27;

/// What a page says beside its records.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct PageSummary {
    /// Whether records were lost between the page before and this one.
    pub(super) missed: bool,
    /// Whether the page ended before its own length did: it is damaged, and what was read of it may
    /// be too.
    pub(super) damaged: bool,
}

/// Calls `each` with the time in ns and the bytes of every record, in order.
pub(super) fn read_page(page: &[u8], mut each: impl FnMut(u64, &[u8])) -> PageSummary {
    let mut summary = PageSummary::default();
    let (Some(mut time), Some(commit)) = (long_at(page, 0), long_at(page, 8)) else {
        summary.damaged = true;
        return summary;
    };
    summary.missed = commit & MISSED != 0;
    let length = usize::try_from(commit & LENGTH_MASK).unwrap_or(usize::MAX);
    let Some(mut records) = page[HEADER_BYTES..].get(..length) else {
        summary.damaged = true;
        return summary;
    };
    while !records.is_empty() {
        let Some(record) = Record::first(records) else {
            summary.damaged = true;
            break;
        };
        match record.kind {
            RecordKind::End => break,
            RecordKind::Stamp(stamp) => {
                // The five highest bits are not in the stamp.
                time = (time & (0x1f << 59)) | stamp;
            }
            RecordKind::Later(delta) => time = time.wrapping_add(delta),
            RecordKind::Data(delta, data) => {
                time = time.wrapping_add(delta);
                each(time, data);
            }
        }
        records = &records[record.bytes..];
    }
    summary
}

struct Record<'a> {
    kind: RecordKind<'a>,
    /// Its whole length.
    bytes: usize,
}

enum RecordKind<'a> {
    Data(u64, &'a [u8]),
    /// Nothing but a time difference.
    Later(u64),
    /// The time itself.
    Stamp(u64),
    /// Nothing follows on this page.
    End,
}

impl<'a> Record<'a> {
    /// The record that `bytes` start with; none if it reaches beyond them.
    fn first(bytes: &'a [u8]) -> Option<Self> {
        let word = word_at(bytes, 0)?;
        let (kind, delta) = (word & 0x1f, word >> 5);
        let second = || word_at(bytes, 4);
        let long_delta = || Some((u64::from(second()?) << DELTA_BITS) | u64::from(delta));
        let delta = u64::from(delta);
        let (kind, length) = match kind {
            PADDING if delta == 0 => (RecordKind::End, 4),
            PADDING => (RecordKind::Later(delta), 4 + second()? as usize),
            TIME_EXTEND => (RecordKind::Later(long_delta()?), 8),
            TIME_STAMP => (RecordKind::Stamp(long_delta()?), 8),
            LENGTH_FOLLOWS => {
                let length = 4 + second()? as usize;
                (RecordKind::Data(delta, bytes.get(8..length)?), length)
            }
            words => {
                let length = 4 + 4 * words as usize;
                (RecordKind::Data(delta, bytes.get(4..length)?), length)
            }
        };
        (length <= bytes.len()).then_some(Self {
            kind,
            bytes: length,
        })
    }
}

fn word_at(bytes: &[u8], place: usize) -> Option<u32> {
    Some(u32::from_ne_bytes(*bytes.get(place..)?.first_chunk()?))
}

fn long_at(bytes: &[u8], place: usize) -> Option<u64> {
    Some(u64::from_ne_bytes(*bytes.get(place..)?.first_chunk()?))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn page(time: u64, flags: u64, words: &[u32]) -> Vec<u8> {
        let commit = (words.len() as u64 * 4) | flags;
        let header = [time, commit].into_iter().flat_map(u64::to_ne_bytes);
        let mut page: Vec<u8> = header
            .chain(words.iter().flat_map(|word| word.to_ne_bytes()))
            .collect();
        page.resize(4096, 0);
        page
    }

    fn records(page: &[u8]) -> (Vec<(u64, Vec<u8>)>, PageSummary) {
        let mut found = Vec::new();
        let summary = read_page(page, |time, data| found.push((time, data.to_vec())));
        (found, summary)
    }

    const fn head(kind: u32, delta: u32) -> u32 {
        kind | delta << 5
    }

    #[test]
    fn records_come_with_their_times() {
        let page = page(
            1000,
            MISSED,
            &[
                head(1, 0),
                0x0403_0201,
                head(PADDING, 5),
                8,
                0,
                head(TIME_EXTEND, 1),
                1,
                head(LENGTH_FOLLOWS, 2),
                8,
                7,
                head(PADDING, 0),
                99,
            ],
        );
        let (found, summary) = records(&page);
        let later = 1000 + 5 + (1 << 27) + 1 + 2;
        assert_eq!(found, [(1000, vec![1, 2, 3, 4]), (later, vec![7, 0, 0, 0])]);
        assert_eq!(
            summary,
            PageSummary {
                missed: true,
                damaged: false
            }
        );
    }

    #[test]
    fn a_time_stamp_replaces_the_time() {
        let page = page(5, 0, &[head(TIME_STAMP, 3), 2, head(1, 1), 9]);
        let (found, _) = records(&page);
        assert_eq!(found, [((2 << 27) + 4, vec![9, 0, 0, 0])]);
    }

    #[test]
    fn what_reaches_beyond_the_page_is_damage() {
        assert!(records(&[]).1.damaged);
        assert!(records(&page(0, 5000, &[])).1.damaged);
        let cut = page(0, 0, &[head(3, 0), 1, 2]);
        let (found, summary) = records(&cut);
        assert!(found.is_empty());
        assert!(summary.damaged);
    }

    proptest! {
        #[test]
        fn any_bytes_never_panic(
            bytes in prop::collection::vec(any::<u8>(), 0..300),
            length in 0u64..300,
        ) {
            let _ = records(&bytes);
            let mut bytes = bytes;
            if let Some(commit) = bytes.get_mut(8..16) {
                commit.copy_from_slice(&length.to_ne_bytes());
            }
            let _ = records(&bytes);
        }

        #[test]
        fn any_words_end(words in prop::collection::vec(any::<u32>(), 0..60)) {
            let _ = records(&page(0, 0, &words));
        }
    }
}
