//! A batch as it came out of a ring.
//!
//! The bytes are the kernel's, so they should be right; they are checked once all the same, because
//! the same reader serves bytes from elsewhere. Events are read where they lie, without `unsafe`.

use bytes::{Buf, BufMut, Bytes, BytesMut};
use thiserror::Error;
use tracer_common::{Arrival, BATCH_CAPACITY, BatchHeader, Event};

/// Why bytes are not a batch.
#[derive(Debug, Error, PartialEq, Eq)]
pub enum BatchError {
    /// Fewer bytes than a header has.
    #[error("a batch of {0} bytes is shorter than its header")]
    Short(usize),
    /// The header promises another number of events than there are bytes for.
    #[error("a batch says it has {count} events but holds {bytes} bytes of them")]
    Length {
        /// What the header says.
        count: u16,
        /// Bytes after the header.
        bytes: usize,
    },
}

/// A checked batch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Batch {
    header: BatchHeader,
    events: Bytes,
    hits: u64,
}

impl Batch {
    /// Checks `bytes` and takes them.
    pub fn new(mut bytes: Bytes) -> Result<Self, BatchError> {
        if bytes.len() < size_of::<BatchHeader>() {
            return Err(BatchError::Short(bytes.len()));
        }
        let mut header = BatchHeader {
            sequence: bytes.get_u64_ne(),
            root_time_ns: bytes.get_u64_ne(),
            ..BatchHeader::default()
        };
        bytes.copy_to_slice(&mut header.comm);
        header.tid = bytes.get_u32_ne();
        header.tgid = bytes.get_u32_ne();
        header.cpu = bytes.get_u32_ne();
        header.count = bytes.get_u16_ne();
        header.early = bytes.get_u16_ne();
        let count = usize::from(header.count);
        if count > BATCH_CAPACITY || bytes.len() != count * size_of::<Event>() {
            return Err(BatchError::Length {
                count: header.count,
                bytes: bytes.len(),
            });
        }
        let mut batch = Self {
            header,
            events: bytes,
            hits: 0,
        };
        batch.hits = batch.events().map(|event| event.hits()).sum();
        Ok(batch)
    }

    /// The batch of these events, as the kernel would have written it.
    pub fn of(header: &BatchHeader, events: &[Event]) -> Result<Self, BatchError> {
        let mut bytes = BytesMut::with_capacity(size_of::<BatchHeader>() + size_of_val(events));
        for word in [header.sequence, header.root_time_ns] {
            bytes.put_u64_ne(word);
        }
        bytes.put_slice(&header.comm);
        for word in [header.tid, header.tgid, header.cpu] {
            bytes.put_u32_ne(word);
        }
        for word in [header.count, header.early] {
            bytes.put_u16_ne(word);
        }
        for event in events {
            bytes.put_slice(&event.to_bytes());
        }
        Self::new(bytes.freeze())
    }

    /// What is the same for all its events.
    #[must_use]
    pub const fn header(&self) -> &BatchHeader {
        &self.header
    }

    /// Whether earlier events of the same root call may still be on their way, though no ring has
    /// them yet.
    #[must_use]
    pub const fn is_early(&self) -> bool {
        self.header.early & Arrival::Early as u16 != 0
    }

    /// How many hits of probes its events stand for: so many numbers it has, from
    /// [`BatchHeader::sequence`] on.
    #[must_use]
    pub const fn hits(&self) -> u64 {
        self.hits
    }

    /// Its events, with a leaf as the entry and the exit that it stands for: one of each number.
    pub fn numbered(&self) -> impl Iterator<Item = Event> {
        self.events().flat_map(|event| {
            let [entry, exit] = event.ends();
            let is_leaf = event.is_leaf();
            let first = if is_leaf { entry } else { event };
            [Some(first), is_leaf.then_some(exit)].into_iter().flatten()
        })
    }

    /// Its events in the order of their places.
    pub fn events(&self) -> impl Iterator<Item = Event> {
        let (events, _) = self.events.as_chunks();
        events.iter().copied().map(Event::from_bytes)
    }
}
