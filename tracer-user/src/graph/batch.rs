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
            tid: bytes.get_u32_ne(),
            tgid: bytes.get_u32_ne(),
            cpu: bytes.get_u32_ne(),
            count: bytes.get_u16_ne(),
            early: bytes.get_u16_ne(),
            comm: [0; 16],
        };
        bytes.copy_to_slice(&mut header.comm);
        let count = usize::from(header.count);
        if count > BATCH_CAPACITY || bytes.len() != count * size_of::<Event>() {
            return Err(BatchError::Length {
                count: header.count,
                bytes: bytes.len(),
            });
        }
        Ok(Self {
            header,
            events: bytes,
        })
    }

    /// The batch of these events, as the kernel would have written it.
    pub fn of(header: &BatchHeader, events: &[Event]) -> Result<Self, BatchError> {
        let mut bytes = BytesMut::with_capacity(size_of::<BatchHeader>() + size_of_val(events));
        for word in [header.sequence, header.root_time_ns] {
            bytes.put_u64_ne(word);
        }
        for word in [header.tid, header.tgid, header.cpu] {
            bytes.put_u32_ne(word);
        }
        for word in [header.count, header.early] {
            bytes.put_u16_ne(word);
        }
        bytes.put_slice(&header.comm);
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

    /// Its events in the order of their places.
    pub fn events(&self) -> impl Iterator<Item = Event> {
        let (events, _) = self.events.as_chunks();
        events.iter().copied().map(Event::from_bytes)
    }
}
