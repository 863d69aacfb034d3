//! What probes cost those who are not traced, as tracer feels it itself.
//!
//! A send and a receive on a pair of sockets call some hundred functions, none of them inside a
//! root call of a task that is traced. The fastest of many is timed: what else the host does only
//! makes one slower.

use std::{
    fmt,
    io::{Read as _, Write as _},
    os::unix::net::UnixStream,
    time::{Duration, Instant},
};

/// How often it is tried.
const TRIES: u32 = 64;

/// How long a send and a receive take.
#[derive(Clone, Copy, Debug)]
pub struct Compared {
    before: Duration,
    now: Duration,
}

impl fmt::Display for Compared {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let microseconds = |time: Duration| time.as_secs_f64() * 1e6;
        write!(
            out,
            "a send and a receive by others take {:.1} us instead of {:.1} us",
            microseconds(self.now),
            microseconds(self.before)
        )
    }
}

/// Times a send and a receive.
#[derive(Debug)]
pub struct ProbeCost {
    sockets: (UnixStream, UnixStream),
    /// Without probes.
    before: Duration,
}

impl ProbeCost {
    /// Times it without probes. None if there can be no sockets.
    pub fn before() -> Option<Self> {
        let mut cost = Self {
            sockets: UnixStream::pair().ok()?,
            before: Duration::MAX,
        };
        cost.before = cost.fastest()?;
        Some(cost)
    }

    /// How long it takes without probes, and now.
    pub fn now(&mut self) -> Option<Compared> {
        Some(Compared {
            before: self.before,
            now: self.fastest()?,
        })
    }

    fn fastest(&mut self) -> Option<Duration> {
        let (sender, receiver) = &mut self.sockets;
        let mut fastest = Duration::MAX;
        for _ in 0..TRIES {
            let begin = Instant::now();
            sender.write_all(&[1]).ok()?;
            receiver.read_exact(&mut [0]).ok()?;
            fastest = fastest.min(begin.elapsed());
        }
        Some(fastest)
    }
}
