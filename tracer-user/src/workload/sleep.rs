//! A task that sleeps in the middle of a system call: recvfrom(2) on a socket that has nothing yet.
//!
//! The readers of the other workloads wait in poll(2), so that their receives never block. Here the
//! receive itself waits until the other side sends, which it does once in each interval.

use std::{
    sync::atomic::{AtomicBool, Ordering},
    thread,
    time::Duration,
};

use anyhow::{Context as _, Result, anyhow};

use super::{NO_SOCKETS, Summary, WorkloadOptions, pair};

/// The thread's name, which a trace shows.
const SLEEPER: &str = "sleeper";

/// Receives until the count is reached or `stop` is set; each receive has to wait for some
/// interval.
pub(super) fn run(options: &WorkloadOptions, stop: &AtomicBool) -> Result<Summary> {
    let (sender, sleeper) = pair::udp().context(NO_SOCKETS)?;
    thread::scope(|scope| {
        let sleeping = thread::Builder::new()
            .name(SLEEPER.to_owned())
            .spawn_scoped(scope, || {
                let mut receives = 0;
                while sleeper.recv(&mut [0; 8]).context("a receive failed")? > 0 {
                    receives += 1;
                }
                anyhow::Ok(receives)
            })?;
        let mut sends = 0;
        while options.count.is_none_or(|count| sends < count)
            && !stop.load(Ordering::Acquire)
            && !sleeping.is_finished()
        {
            thread::sleep(options.interval.max(SHORTEST));
            sender.send(&[1]).context("a send failed")?;
            sends += 1;
        }
        // An empty datagram says that it was the last.
        sender.send(&[]).context("a send failed")?;
        let receives: u64 = sleeping
            .join()
            .map_err(|_| anyhow!("the sleeping thread panicked"))??;
        anyhow::ensure!(
            receives == sends,
            "{sends} datagrams were sent and {receives} received"
        );
        Ok(Summary::Rounds(receives))
    })
}

/// Shorter than that and the receive might find what it waits for.
const SHORTEST: Duration = Duration::from_millis(5);
