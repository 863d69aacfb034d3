//! Workloads: real sockets that drive the kernel, for the demonstration and the tests.
//!
//! Most move data. One thread sends, one waits in poll(2) and receives, each on a CPU of its own
//! where there are two, so that a send wakes a reader on another CPU as it does on a busy host.
//! Sends are `sendto` system calls. What is sent is counted and must arrive, byte by byte in order:
//! a workload that loses data would make a fine graph of the wrong path, so it is an error.
//!
//! The others are hard on a tracer: tasks that sleep in the middle of a call (`sleep`), thousands
//! of them at once (`tasks`), functions that call themselves (`epoll`); or do what has nothing to
//! do with sockets (`calls`, `frames`). What they do is counted, so that a trace can be held to the
//! number.
//!
//! `pair` makes the sockets, `sockmap` puts them into a map with a program that redirects or calls
//! itself, `tls` has the kernel encrypt, `pump` moves the data, `spare` keeps the kernel's
//! allocator from starting afresh with each send.

mod calls;
mod epoll;
mod frames;
mod pair;
mod pump;
mod sleep;
mod sockmap;
mod spare;
mod tasks;
mod times;
mod tls;

use std::{fmt, sync::atomic::AtomicBool, time::Duration};

use anyhow::{Context as _, Result};

use calls::Calls;
use spare::Spare;

/// What is driven.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// TCP sockets in a SOCKHASH: an sk_msg program redirects to the local peer.
    Sockmap,
    /// The same with a program that goes on in itself, by tail calls from within an inner function.
    TailCalls,
    /// TCP over loopback.
    Tcp,
    /// TCP over loopback, encrypted by the kernel.
    Tls,
    /// UDP over loopback.
    Udp,
    /// A pair of Unix stream sockets.
    Unix,
    /// A task that sleeps in recvfrom(2).
    Sleep,
    /// Many tasks that sleep in recvfrom(2) at the same time.
    Tasks,
    /// Epoll instances within each other.
    Epoll,
    /// Files that are written, read and removed.
    Files,
    /// Memory that is mapped and let go.
    Memory,
    /// Threads that are started and end.
    Threads,
    /// Writes by three functions that have frame pointers.
    Frames,
}

/// How much is sent, and how often.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WorkloadOptions {
    /// Sends, tasks or other rounds until the end; none goes on until it is told to stop.
    pub count: Option<u64>,
    /// Bytes of each send, at least 1.
    pub size: usize,
    /// The time between the starts of two sends; zero sends as soon as the reader keeps up. A
    /// sleeping task sleeps as long.
    pub interval: Duration,
    /// How long the reader waits between being woken and receiving. With some, what it does is over
    /// or yet to come while the sender is in the kernel, and every send takes much the same way
    /// there. A sockmap workload then has a `spare` message, too.
    pub reader_delay: Duration,
    /// How the two threads share a CPU with others.
    pub scheduling: Scheduling,
}

/// How a workload's threads share a CPU with others.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Scheduling {
    /// As everybody does.
    #[default]
    Usual,
    /// Before all that are not in real time, so that no other work counts as part of a send
    /// (SCHED_FIFO; needs CAP_SYS_NICE).
    RealTime,
}

/// What was done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Summary {
    /// Data was sent and received.
    Sent(Sent),
    /// Data was sent through a BPF program, which ran so often.
    Ran(Sent, u64),
    /// So many receives that slept, tasks, or sends to epoll instances.
    Rounds(u64),
}

impl fmt::Display for Summary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Sent(sent) => sent.fmt(f),
            Self::Ran(sent, runs) => write!(f, "{sent}, {runs} runs of the program"),
            Self::Rounds(rounds) => write!(f, "{rounds} rounds"),
        }
    }
}

/// What was sent.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Sent {
    /// System calls that sent.
    pub sends: u64,
    /// Bytes that were sent, all of which were received.
    pub bytes: u64,
    /// The median of the time that a message took to send.
    pub typical: Duration,
}

impl fmt::Display for Sent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            sends,
            bytes,
            typical,
        } = self;
        let typical = typical.as_nanos();
        write!(
            f,
            "{sends} sends, {bytes} bytes sent and received, {typical} ns a send (median)"
        )
    }
}

/// The largest payload of a UDP datagram over IPv4, bytes.
const LARGEST_DATAGRAM: usize = 65_507;

/// Runs a workload until its count is reached or `stop` is set.
pub fn run(kind: Kind, options: &WorkloadOptions, stop: &AtomicBool) -> Result<Summary> {
    anyhow::ensure!(options.size > 0, "a send needs at least one byte");
    match kind {
        Kind::Sockmap => {
            let (sender, reader) = pair::tcp().context(NO_SOCKETS)?;
            let spare = (!options.reader_delay.is_zero())
                .then(Spare::new)
                .transpose()?;
            let spares = spare.iter().flat_map(Spare::sockets);
            // Must live as long as data flows.
            let _redirection = sockmap::redirect([&sender, &reader].into_iter().chain(spares))?;
            pump::run(&sender, &reader, options, spare.as_ref(), stop).map(Summary::Sent)
        }
        Kind::TailCalls => {
            let (sender, reader) = pair::tcp().context(NO_SOCKETS)?;
            let program = sockmap::tail_calls([&sender, &reader])?;
            let sent = pump::run(&sender, &reader, options, None, stop)?;
            Ok(Summary::Ran(sent, program.runs()?))
        }
        Kind::Tcp => {
            let (sender, reader) = pair::tcp().context(NO_SOCKETS)?;
            pump::run(&sender, &reader, options, None, stop).map(Summary::Sent)
        }
        Kind::Tls => {
            let (sender, reader) = pair::tcp().context(NO_SOCKETS)?;
            tls::encrypt(&sender, &reader)?;
            pump::run(&sender, &reader, options, None, stop).map(Summary::Sent)
        }
        Kind::Udp => {
            anyhow::ensure!(
                options.size <= LARGEST_DATAGRAM,
                "a UDP datagram holds at most {LARGEST_DATAGRAM} bytes"
            );
            let (sender, reader) = pair::udp().context(NO_SOCKETS)?;
            pump::run(&sender, &reader, options, None, stop).map(Summary::Sent)
        }
        Kind::Unix => {
            let (sender, reader) = pair::unix().context(NO_SOCKETS)?;
            pump::run(&sender, &reader, options, None, stop).map(Summary::Sent)
        }
        Kind::Sleep => sleep::run(options, stop),
        Kind::Tasks => tasks::run(options),
        Kind::Epoll => epoll::run(options, stop),
        Kind::Files => calls::run(Calls::Files, options, stop),
        Kind::Memory => calls::run(Calls::Memory, options, stop),
        Kind::Threads => calls::run(Calls::Threads, options, stop),
        Kind::Frames => frames::run(options, stop),
    }
}

const NO_SOCKETS: &str = "the workload's sockets cannot be made; see that loopback is up";

#[cfg(test)]
mod tests {
    use super::*;

    fn options(count: u64, size: usize) -> WorkloadOptions {
        WorkloadOptions {
            count: Some(count),
            size,
            interval: Duration::ZERO,
            reader_delay: Duration::ZERO,
            scheduling: Scheduling::Usual,
        }
    }

    #[test]
    fn all_that_is_sent_arrives() {
        for kind in [Kind::Tcp, Kind::Udp, Kind::Unix] {
            for size in [1, 7, 65_507] {
                let summary = run(kind, &options(200, size), &AtomicBool::new(false)).unwrap();
                let Summary::Sent(sent) = summary else {
                    panic!("{kind:?} sent nothing")
                };
                assert_eq!(sent.bytes, 200 * size as u64, "{kind:?} {size}");
                assert!(sent.sends >= 200);
            }
        }
    }

    #[test]
    fn rounds_are_counted() {
        for kind in [Kind::Files, Kind::Memory, Kind::Threads, Kind::Frames] {
            let summary = run(kind, &options(5, 7), &AtomicBool::new(false)).unwrap();
            assert_eq!(summary, Summary::Rounds(5), "{kind:?}");
        }
    }

    #[test]
    fn a_stop_ends_it() {
        let endless = WorkloadOptions {
            count: None,
            ..options(0, 1)
        };
        let summary = run(Kind::Unix, &endless, &AtomicBool::new(true)).unwrap();
        assert_eq!(summary, Summary::Sent(Sent::default()));
    }

    #[test]
    fn calls_are_counted() {
        for kind in [Kind::Sleep, Kind::Tasks, Kind::Epoll] {
            let summary = run(kind, &options(7, 1), &AtomicBool::new(false)).unwrap();
            assert_eq!(summary, Summary::Rounds(7), "{kind:?}");
        }
    }

    #[test]
    fn sizes_that_cannot_be_sent_are_refused() {
        let stop = AtomicBool::new(false);
        assert!(run(Kind::Tcp, &options(1, 0), &stop).is_err());
        assert!(run(Kind::Udp, &options(1, 65_508), &stop).is_err());
    }

    #[test]
    fn the_interval_is_kept() {
        let slow = WorkloadOptions {
            interval: Duration::from_millis(5),
            ..options(5, 1)
        };
        let start = std::time::Instant::now();
        run(Kind::Tcp, &slow, &AtomicBool::new(false)).unwrap();
        assert!(start.elapsed() >= Duration::from_millis(20));
    }
}
