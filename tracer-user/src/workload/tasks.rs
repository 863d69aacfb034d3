//! Many tasks inside a system call at the same time: each waits in recvfrom(2), all on one socket.
//!
//! When the last of them waits, the socket is shut down, and all return at once. So each task makes
//! exactly one such call, and at one moment all are in the middle of it.

use std::{
    fs, io,
    net::UdpSocket,
    os::fd::AsRawFd as _,
    sync::{Arc, mpsc},
    thread::{self, JoinHandle},
    time::Duration,
};

use anyhow::{Context as _, Result, anyhow};
use nix::{
    sys::socket::{Shutdown, shutdown},
    unistd::{Pid, gettid},
};

use super::{NO_SOCKETS, Summary, WorkloadOptions, pair};

/// Tasks, if nobody says how many.
const USUAL: u64 = 100;
/// Enough for a receive, and little enough for ten thousand.
const STACK_BYTES: usize = 64 << 10;
/// How often it is looked whether a task waits.
const LOOK: Duration = Duration::from_millis(5);

/// Lets `count` tasks wait, then return.
pub(super) fn run(options: &WorkloadOptions) -> Result<Summary> {
    // Only a connected socket can be shut down.
    let (_peer, socket) = pair::udp().context(NO_SOCKETS)?;
    let count = options.count.unwrap_or(USUAL);
    // One descriptor for all: the limit of open files is the process's.
    let socket = Arc::new(socket);
    let waiting = start(&socket, count);
    // Those that were started must return, also if there are fewer than was asked for.
    shutdown(socket.as_raw_fd(), Shutdown::Read).context("the tasks cannot be woken")?;
    let tasks = waiting?;
    for task in tasks {
        let received = task.join().map_err(|_| anyhow!("a task panicked"))?;
        let bytes = received.context("a receive failed")?;
        anyhow::ensure!(bytes == 0, "a task received {bytes} bytes that nobody sent");
    }
    Ok(Summary::Rounds(count))
}

/// Starts the tasks; when this returns all of them wait.
fn start(socket: &Arc<UdpSocket>, count: u64) -> Result<Vec<JoinHandle<io::Result<usize>>>> {
    let (sender, ids) = mpsc::channel();
    let tasks: Vec<_> = (0..count)
        .map(|number| {
            let (sender, socket) = (sender.clone(), Arc::clone(socket));
            let waits = move || {
                // Nobody listens any more if another task could not be started.
                let _ = sender.send(gettid());
                drop(sender);
                socket.recv(&mut [0; 8])
            };
            thread::Builder::new()
                .name("waiter".to_owned())
                .stack_size(STACK_BYTES)
                .spawn(waits)
                .with_context(|| {
                    format!(
                        "task {} cannot be started: see kernel.threads-max",
                        number + 1
                    )
                })
        })
        .collect::<Result<_>>()?;
    drop(sender);
    for id in ids {
        while !is_in_recvfrom(id)? {
            thread::sleep(LOOK);
        }
    }
    Ok(tasks)
}

/// Whether a task of this process sleeps in recvfrom(2). Of one that runs the kernel says so and no
/// more (proc_pid_syscall, fs/proc/base.c).
fn is_in_recvfrom(task: Pid) -> Result<bool> {
    let text = fs::read_to_string(format!("/proc/self/task/{task}/syscall"))
        .context("it cannot be seen whether a task waits")?;
    let number = text
        .split(' ')
        .next()
        .and_then(|number| number.parse().ok());
    Ok(number == Some(libc::SYS_recvfrom))
}
