//! The per-CPU rings, read by readiness.
//!
//! One [`AsyncFd`] per ring. A pass reads every ring to its end; a ring that fills as fast as it is read
//! is left after a bounded number of batches, so that no CPU starves the others. A pass says whether it came to the end of what was
//! there when it began: only then is a batch that has not been seen a lost one.

use std::{future::poll_fn, io, task::Poll};

use aya::maps::{MapData, RingBuf};
use bytes::Bytes;
use tokio::io::{Interest, unix::AsyncFd};

use super::position::Positions;

/// Batches that are taken from one ring before the next one has its turn.
const TURN: usize = 4096;

/// All rings.
pub struct Rings {
    rings: Vec<Ring>,
}

struct Ring {
    positions: Positions,
    records: AsyncFd<RingBuf<MapData>>,
}

/// What came of reading every ring once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pass {
    /// Batches that were read.
    pub taken: usize,
    /// Whether all that was in the rings at its beginning has been read.
    pub complete: bool,
}

impl Rings {
    /// Registers the rings with the running tokio reactor.
    pub fn new(rings: Vec<RingBuf<MapData>>) -> io::Result<Self> {
        let rings = rings
            .into_iter()
            .map(|ring| {
                let positions = Positions::of(&ring)?;
                // SAFETY: the descriptor belongs to the ring's map, stays the same and stays open as long as the ring.
                let records = unsafe { AsyncFd::register_with_interest(ring, Interest::READABLE) }?;
                Ok(Ring { positions, records })
            })
            .collect::<io::Result<_>>()?;
        Ok(Self { rings })
    }

    /// Waits until some ring has something. The mark is taken off before the rings are read, so what comes
    /// in while they are read sets it again; the caller reads until a pass finds nothing, because
    /// the kernel wakes a reader only that had caught up (bpf_ringbuf_commit, kernel/bpf/ringbuf.c).
    pub async fn ready(&mut self) -> io::Result<()> {
        poll_fn(|context| {
            let mut any = Poll::Pending;
            for ring in &mut self.rings {
                if let Poll::Ready(guard) = ring.records.poll_read_ready_mut(context) {
                    guard?.clear_ready();
                    any = Poll::Ready(Ok(()));
                }
            }
            any
        })
        .await
    }

    /// Reads every ring once; `take` gets a copy of each record.
    pub fn pass(&mut self, take: &mut impl FnMut(Bytes)) -> Pass {
        let ends: Vec<u64> = self
            .rings
            .iter()
            .map(|ring| ring.positions.written())
            .collect();
        let mut pass = Pass {
            taken: 0,
            complete: true,
        };
        for (ring, end) in self.rings.iter_mut().zip(ends) {
            let before = pass.taken;
            while let Some(record) = ring.records.get_mut().next() {
                pass.taken += 1;
                take(Bytes::copy_from_slice(&record));
                drop(record);
                if pass.taken - before >= TURN {
                    break;
                }
            }
            pass.complete &= ring.positions.read() >= end;
        }
        pass
    }
}
