//! The per-CPU rings, read by readiness.
//!
//! One [`AsyncFd`] per ring. A pass reads every ring to where its end was when the pass began: only
//! then is a batch that has not been seen a lost one. It goes by turns of some batches of each
//! ring, so that no CPU starves the others, and the reader sees in between that the trace is to
//! end, however much is in the rings and however fast they fill.

use std::{future::poll_fn, io, task::Poll};

use aya::maps::{MapData, RingBuf};
use bytes::Bytes;
use tokio::io::{Interest, unix::AsyncFd};

use super::position::Positions;

/// What is taken from one ring in a turn, bytes: some 4,800 events in large batches, or 360 root
/// calls that have a batch of two events each. Less than a millisecond's work.
const TURN: usize = 1 << 17;
/// As many bytes of events take the work that a batch takes by itself.
const BATCH: usize = 256;

/// All rings.
pub struct Rings {
    rings: Vec<Ring>,
    /// How much had been written into each when the pass began that is under way.
    pass: Option<Vec<u64>>,
}

struct Ring {
    positions: Positions,
    records: AsyncFd<RingBuf<MapData>>,
}

/// What came of a turn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Turn {
    /// Batches that were read.
    pub taken: usize,
    /// Whether it was the last one of its pass: all that was in the rings when that began has been
    /// read.
    pub ends_pass: bool,
}

impl Rings {
    /// Registers the rings with the running tokio reactor.
    pub fn new(rings: Vec<RingBuf<MapData>>) -> io::Result<Self> {
        let rings = rings
            .into_iter()
            .map(|ring| {
                let positions = Positions::of(&ring)?;
                // SAFETY: the descriptor belongs to the ring's map, stays the same and stays open
                // as long as the ring.
                let records = unsafe { AsyncFd::register_with_interest(ring, Interest::READABLE) }?;
                Ok(Ring { positions, records })
            })
            .collect::<io::Result<_>>()?;
        Ok(Self { rings, pass: None })
    }

    /// Waits until some ring has something. The mark is taken off before the rings are read, so
    /// what comes in while they are read sets it again; the caller reads until a pass finds
    /// nothing, because the kernel wakes a reader only that had caught up (bpf_ringbuf_commit,
    /// kernel/bpf/ringbuf.c).
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

    /// Goes on with the pass, or begins one; `take` gets a copy of each record. Nothing taken: the
    /// rings are empty, or held up by a record that is still being written.
    pub fn turn(&mut self, take: &mut impl FnMut(Bytes)) -> Turn {
        let written = |ring: &Ring| ring.positions.written();
        let ends = self
            .pass
            .take()
            .unwrap_or_else(|| self.rings.iter().map(written).collect());
        let mut turn = Turn {
            taken: 0,
            ends_pass: true,
        };
        for (ring, &end) in self.rings.iter_mut().zip(&ends) {
            let mut room = TURN;
            while room > 0
                && let Some(record) = ring.records.get_mut().next()
            {
                room = room.saturating_sub(BATCH + record.len());
                turn.taken += 1;
                take(Bytes::copy_from_slice(&record));
            }
            turn.ends_pass &= ring.positions.read() >= end;
        }
        if !turn.ends_pass {
            self.pass = Some(ends);
        }
        turn
    }
}
