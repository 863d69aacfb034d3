//! The per-CPU rings, read by readiness.
//!
//! One [`AsyncFd`] per ring. A pass reads every ring to its end; a ring that fills as fast as it is read
//! is left after a bounded number of batches, so that no CPU starves the others.

use std::{future::poll_fn, io, task::Poll};

use aya::maps::{MapData, RingBuf};
use bytes::Bytes;
use tokio::io::{Interest, unix::AsyncFd};

/// Batches that are taken from one ring before the next one has its turn.
const TURN: usize = 4096;

/// All rings.
pub struct Rings {
    rings: Vec<AsyncFd<RingBuf<MapData>>>,
}

impl Rings {
    /// Registers the rings with the running tokio reactor.
    pub fn new(rings: Vec<RingBuf<MapData>>) -> io::Result<Self> {
        let rings = rings
            .into_iter()
            .map(|ring| {
                // SAFETY: the descriptor belongs to the ring's map, stays the same and stays open as long as the ring.
                unsafe { AsyncFd::register_with_interest(ring, Interest::READABLE) }
                    .map_err(io::Error::from)
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
                if let Poll::Ready(guard) = ring.poll_read_ready_mut(context) {
                    guard?.clear_ready();
                    any = Poll::Ready(Ok(()));
                }
            }
            any
        })
        .await
    }

    /// Reads every ring once; `take` gets a copy of each record. Returns how many there were.
    pub fn pass(&mut self, take: &mut impl FnMut(Bytes)) -> usize {
        let mut taken = 0;
        for ring in &mut self.rings {
            let before = taken;
            while let Some(record) = ring.get_mut().next() {
                taken += 1;
                take(Bytes::copy_from_slice(&record));
                drop(record);
                if taken - before >= TURN {
                    break;
                }
            }
        }
        taken
    }
}
