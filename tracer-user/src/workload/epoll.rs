//! Kernel functions that call themselves: epoll instances within each other.
//!
//! The innermost watches a socket, each other one the instance below. What arrives at the socket
//! goes up from instance to instance, by `ep_poll_callback` that wakes who waits for its instance:
//! `ep_poll_callback` of the next (fs/eventpoll.c). So it is open once for each level in the middle
//! of one send.

use std::{
    io::{Read as _, Write as _},
    os::unix::net::UnixStream,
    sync::atomic::{AtomicBool, Ordering},
    thread,
};

use anyhow::{Context as _, Result};
use nix::sys::epoll::{Epoll, EpollCreateFlags, EpollEvent, EpollFlags, EpollTimeout};

use super::{NO_SOCKETS, Summary, WorkloadOptions, pair};

/// Instances within each other: the most that the kernel allows is five (EP_MAX_NESTS,
/// fs/eventpoll.c).
pub const LEVELS: usize = 4;

/// Sends a byte, waits for it at the outermost instance, and receives it, until the count is
/// reached or `stop` is set.
pub(super) fn run(options: &WorkloadOptions, stop: &AtomicBool) -> Result<Summary> {
    let (mut sender, mut reader) = pair::unix().context(NO_SOCKETS)?;
    let instances = nest(&reader).context("epoll instances cannot be put into each other")?;
    let outermost = instances.last().context("there is no epoll instance")?;
    let mut rounds = 0;
    while options.count.is_none_or(|count| rounds < count) && !stop.load(Ordering::Acquire) {
        sender.write_all(&[0]).context("a send failed")?;
        let ready = outermost.wait(&mut [EpollEvent::empty()], EpollTimeout::ZERO)?;
        anyhow::ensure!(
            ready == 1,
            "what was sent has not reached the outermost instance"
        );
        reader.read_exact(&mut [0]).context("a receive failed")?;
        rounds += 1;
        thread::sleep(options.interval);
    }
    Ok(Summary::Rounds(rounds))
}

/// The instances, the innermost first.
fn nest(reader: &UnixStream) -> nix::Result<Vec<Epoll>> {
    let readable = || EpollEvent::new(EpollFlags::EPOLLIN, 0);
    let mut instances: Vec<Epoll> = Vec::with_capacity(LEVELS);
    for _ in 0..LEVELS {
        let instance = Epoll::new(EpollCreateFlags::EPOLL_CLOEXEC)?;
        match instances.last() {
            None => instance.add(reader, readable())?,
            Some(inner) => instance.add(&inner.0, readable())?,
        }
        instances.push(instance);
    }
    Ok(instances)
}
