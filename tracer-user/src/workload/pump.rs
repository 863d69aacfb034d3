//! Moves data from one socket to another and checks that all of it arrives.
//!
//! The sender stays at most a window ahead of the reader: a UDP socket drops what its queue does
//! not hold, and the reader should be waiting when a send comes, not busy with old data.

use std::{
    os::fd::{AsFd, AsRawFd, RawFd},
    sync::atomic::{AtomicBool, AtomicU64, Ordering},
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result, anyhow, bail};
use nix::{
    errno::Errno,
    poll::{PollFd, PollFlags, PollTimeout, poll},
    sched::{CpuSet, sched_getaffinity, sched_setaffinity},
    sys::socket::{MsgFlags, recv, send},
    unistd::Pid,
};

use super::{Scheduling, Sent, WorkloadOptions, spare::Spare, times::Times};

/// Messages that may be under way.
const WINDOW_MESSAGES: u64 = 64;
/// Bytes that may be under way, if it is more than one message. Half of what a UDP socket holds by
/// default (net.core.rmem_default), because the kernel counts its own overhead.
const WINDOW_BYTES: u64 = 64 << 10;
/// How long nothing may arrive before what is under way counts as lost.
const PATIENCE: Duration = Duration::from_secs(10);
/// How often a waiting thread looks whether it should end, milliseconds. A workload that rests is
/// to cost little: an hour of it in an emulator takes what its wake-ups take.
const TICK_MS: u8 = 200;
const RECEIVE_BYTES: usize = 128 << 10;

/// What the two threads tell each other.
#[derive(Default)]
struct Progress {
    sent: AtomicU64,
    received: AtomicU64,
    /// The sender sends no more.
    finished: AtomicBool,
    /// The other thread failed: nothing more will come of it.
    failed: AtomicBool,
}

/// Sends as the options say until the count is reached or `stop` is set, and waits until all has
/// arrived. The reader renews the spare message, if there is one, before it receives.
pub(super) fn run(
    sender: &(impl AsFd + Sync),
    reader: &(impl AsFd + Sync),
    options: &WorkloadOptions,
    spare: Option<&Spare>,
    stop: &AtomicBool,
) -> Result<Sent> {
    let cpus = own_cpus()?;
    let progress = Progress::default();
    let progress = &progress;
    thread::scope(|scope| {
        // The names are what a trace shows for the two tasks.
        let reading = thread::Builder::new()
            .name("reader".to_owned())
            .spawn_scoped(scope, move || {
                let result = place(cpus.1, options.scheduling)
                    .and_then(|()| receive_all(reader, progress, options.reader_delay, spare));
                progress.failed.fetch_or(result.is_err(), Ordering::AcqRel);
                result
            })?;
        let sending = thread::Builder::new()
            .name("sender".to_owned())
            .spawn_scoped(scope, move || {
                let result = place(cpus.0, options.scheduling)
                    .and_then(|()| send_all(sender, progress, options, stop));
                progress.finished.store(true, Ordering::Release);
                progress.failed.fetch_or(result.is_err(), Ordering::AcqRel);
                result
            });
        let sending = match sending {
            Ok(sending) => sending,
            Err(error) => {
                progress.finished.store(true, Ordering::Release);
                return Err(error.into());
            }
        };
        let sent = sending
            .join()
            .map_err(|_| anyhow!("the sending thread panicked"))?;
        let received = reading
            .join()
            .map_err(|_| anyhow!("the receiving thread panicked"))?;
        // A reader that failed is the reason why the sender did.
        received?;
        sent
    })
}

/// The CPUs for the sender and the reader: two of those that this process may use, if it has two.
fn own_cpus() -> Result<(usize, usize)> {
    let allowed = sched_getaffinity(Pid::from_raw(0)).context("the CPUs cannot be found")?;
    let mut usable = (0..CpuSet::count()).filter(|cpu| allowed.is_set(*cpu) == Ok(true));
    let first = usable.next().context("this process may use no CPU")?;
    Ok((first, usable.next().unwrap_or(first)))
}

/// Places this thread as that of a sender.
pub(super) fn place_sender(scheduling: Scheduling) -> Result<()> {
    place(own_cpus()?.0, scheduling)
}

/// Binds this thread to a CPU, and lets it run before others if that is wanted.
fn place(cpu: usize, scheduling: Scheduling) -> Result<()> {
    pin(cpu)?;
    if scheduling == Scheduling::RealTime {
        let priority = libc::sched_param { sched_priority: 1 };
        // SAFETY: the parameters outlive the call; 0 is this thread.
        let answer = unsafe { libc::sched_setscheduler(0, libc::SCHED_FIFO, &raw const priority) };
        Errno::result(answer).context("real time is not permitted: run as root")?;
    }
    Ok(())
}

fn pin(cpu: usize) -> Result<()> {
    let mut set = CpuSet::new();
    set.set(cpu)?;
    sched_setaffinity(Pid::from_raw(0), &set)
        .with_context(|| format!("a thread cannot be bound to CPU {cpu}"))
}

fn send_all(
    socket: &impl AsFd,
    progress: &Progress,
    options: &WorkloadOptions,
    stop: &AtomicBool,
) -> Result<Sent> {
    let socket = socket.as_fd().as_raw_fd();
    let size = options.size as u64;
    let window = (WINDOW_MESSAGES * size).min(WINDOW_BYTES).max(size);
    let mut message = vec![0; options.size];
    let mut summary = Sent::default();
    let mut messages = 0;
    let mut times = Times::default();
    let mut next = Instant::now();
    while options.count.is_none_or(|count| messages < count) && !stop.load(Ordering::Acquire) {
        wait_for_room(progress, summary.bytes + size, window)?;
        fill(&mut message, summary.bytes);
        let begin = Instant::now();
        summary.sends += send_whole(socket, &message)?;
        times.push(begin.elapsed());
        summary.bytes += size;
        progress.sent.store(summary.bytes, Ordering::Release);
        messages += 1;
        next += options.interval;
        pause_until(next, stop);
    }
    summary.typical = times.median();
    Ok(summary)
}

/// Waits until no more than the window is under way once `after` bytes are sent.
fn wait_for_room(progress: &Progress, after: u64, window: u64) -> Result<()> {
    let mut spins = 0u32;
    while after - progress.received.load(Ordering::Acquire) > window {
        if progress.failed.load(Ordering::Acquire) {
            bail!("the reader failed");
        }
        // The reader is about to run: giving up the CPU is enough, most of the time.
        spins += 1;
        if spins < 100 {
            thread::yield_now();
        } else {
            thread::sleep(Duration::from_micros(100));
        }
    }
    Ok(())
}

/// Sends all of a message; says how many system calls it took.
fn send_whole(socket: RawFd, message: &[u8]) -> Result<u64> {
    let mut rest = message;
    let mut sends = 0;
    while !rest.is_empty() {
        match send(socket, rest, MsgFlags::MSG_NOSIGNAL) {
            Ok(count) => {
                sends += 1;
                rest = &rest[count..];
            }
            Err(Errno::EINTR) => {}
            Err(error) => return Err(error).context("a send failed"),
        }
    }
    Ok(sends)
}

/// Sleeps in short steps, so that a stop is seen soon.
fn pause_until(time: Instant, stop: &AtomicBool) {
    loop {
        let left = time.saturating_duration_since(Instant::now());
        if left.is_zero() || stop.load(Ordering::Acquire) {
            return;
        }
        thread::sleep(left.min(Duration::from_millis(TICK_MS.into())));
    }
}

fn receive_all(
    socket: &impl AsFd,
    progress: &Progress,
    delay: Duration,
    spare: Option<&Spare>,
) -> Result<()> {
    if let Some(spare) = spare {
        spare.begin()?;
    }
    let mut buffer = vec![0; RECEIVE_BYTES];
    let mut received = 0;
    let mut last_news = Instant::now();
    loop {
        // In this order: what was sent before the end is known then.
        let finished = progress.finished.load(Ordering::Acquire);
        let missing = progress
            .sent
            .load(Ordering::Acquire)
            .saturating_sub(received);
        if finished && missing == 0 {
            return Ok(());
        }
        if missing == 0 {
            last_news = Instant::now();
        } else if last_news.elapsed() > PATIENCE {
            bail!("{missing} bytes were sent and did not arrive");
        }
        let mut wanted = [PollFd::new(socket.as_fd(), PollFlags::POLLIN)];
        match poll(&mut wanted, PollTimeout::from(TICK_MS)) {
            Ok(0) | Err(Errno::EINTR) => continue,
            Ok(_) => {}
            Err(error) => return Err(error).context("poll failed"),
        }
        if !delay.is_zero() {
            thread::sleep(delay);
        }
        if let Some(spare) = spare {
            spare.renew()?;
        }
        match recv(
            socket.as_fd().as_raw_fd(),
            &mut buffer,
            MsgFlags::MSG_DONTWAIT,
        ) {
            Ok(0) => bail!("the connection ended early"),
            Ok(count) => {
                if !is_filled(&buffer[..count], received) {
                    bail!("what arrived is not what was sent, near byte {received}");
                }
                received += count as u64;
                last_news = Instant::now();
                progress.received.store(received, Ordering::Release);
            }
            Err(Errno::EAGAIN | Errno::EINTR) => {}
            Err(error) => return Err(error).context("a receive failed"),
        }
    }
}

/// The byte at a position of the stream: its position modulo a prime, so that shifted data shows.
const fn pattern(position: u64) -> u8 {
    (position % 251).to_le_bytes()[0]
}

fn fill(bytes: &mut [u8], position: u64) {
    for (byte, position) in bytes.iter_mut().zip(position..) {
        *byte = pattern(position);
    }
}

fn is_filled(bytes: &[u8], position: u64) -> bool {
    bytes
        .iter()
        .zip(position..)
        .all(|(byte, position)| *byte == pattern(position))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shifted_data_is_noticed() {
        let mut bytes = [0; 1000];
        fill(&mut bytes, 12_345);
        assert!(is_filled(&bytes, 12_345));
        assert!(!is_filled(&bytes, 12_346));
        assert!(!is_filled(&bytes[1..], 12_345));
    }

    #[test]
    fn a_peer_that_goes_is_an_error() {
        let (sender, reader) = std::os::unix::net::UnixStream::pair().unwrap();
        sender.shutdown(std::net::Shutdown::Both).unwrap();
        let options = WorkloadOptions {
            count: Some(3),
            size: 1,
            interval: Duration::ZERO,
            reader_delay: Duration::ZERO,
            scheduling: Scheduling::Usual,
        };
        assert!(run(&sender, &reader, &options, None, &AtomicBool::new(false)).is_err());
    }
}
