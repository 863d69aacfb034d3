//! The processes that were named, and the end of the last of them.
//!
//! When all of them have ended there is nothing more to trace, and their numbers may come to
//! others. A number does not tell one process from the next that has it, so a process is held by a
//! descriptor (pidfd_open(2)) that is opened before anything else is done, and that says when it
//! has ended.

use std::{
    io,
    os::fd::{AsFd as _, FromRawFd as _, OwnedFd},
    sync::Arc,
};

use anyhow::{Context as _, Result};
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use tokio::io::{Interest, unix::AsyncFd};

use crate::stop::Stop;

/// The processes that were named, by their numbers; none after one that has ended before.
#[derive(Clone, Debug)]
pub struct Processes(Arc<Vec<(u32, Option<AsyncFd<OwnedFd>>)>>);

impl Processes {
    /// Those that have these numbers now.
    pub fn open(pids: &[u32]) -> Result<Self> {
        let process = |&pid: &u32| {
            let process = open(pid).and_then(watched);
            let process = process.with_context(|| format!("process {pid} cannot be watched"))?;
            Ok((pid, process))
        };
        let processes: Result<Vec<_>> = pids.iter().map(process).collect();
        Ok(Self(Arc::new(processes?)))
    }

    /// Ends the trace when all of them have ended, from now on, whatever is being done then. With
    /// none there is nothing to wait for.
    pub fn end(&self, stop: &Stop) {
        if self.0.is_empty() {
            return;
        }
        let (processes, stop) = (self.clone(), stop.clone());
        tokio::spawn(async move {
            for process in processes
                .0
                .iter()
                .filter_map(|(_, process)| process.as_ref())
            {
                // One that cannot be waited for is as good as ended: the trace must not go on
                // without an end.
                let _ = process.readable().await;
            }
            stop.at_end();
        });
    }

    /// Whether the process that had this number at first has ended.
    pub fn has_ended(&self, pid: u32) -> bool {
        let mut named = self.0.iter().filter(|(number, _)| *number == pid);
        let Some((_, Some(process))) = named.next() else {
            return true;
        };
        let mut ended = [PollFd::new(process.get_ref().as_fd(), PollFlags::POLLIN)];
        poll(&mut ended, PollTimeout::ZERO) == Ok(1)
    }
}

fn watched(process: Option<OwnedFd>) -> io::Result<Option<AsyncFd<OwnedFd>>> {
    let sample_for = |process: OwnedFd| {
        // SAFETY: the descriptor is the one that is handed over, and open for as long as it is
        // owned.
        Ok(unsafe { AsyncFd::register_with_interest(process, Interest::READABLE) }?)
    };
    process.map(sample_for).transpose()
}

/// A process by its number; none if it has ended.
fn open(pid: u32) -> io::Result<Option<OwnedFd>> {
    let no_flags = 0;
    // SAFETY: the call takes two numbers.
    let descriptor = unsafe { libc::syscall(libc::SYS_pidfd_open, pid, no_flags) };
    match i32::try_from(descriptor) {
        // SAFETY: the kernel has just opened it for us.
        Ok(descriptor) if descriptor >= 0 => Ok(Some(unsafe { OwnedFd::from_raw_fd(descriptor) })),
        _ => match io::Error::last_os_error() {
            error if error.raw_os_error() == Some(libc::ESRCH) => Ok(None),
            error => Err(error),
        },
    }
}

#[cfg(test)]
mod tests {
    use std::process::{Child, Command, Stdio};

    use super::*;

    /// A process that ends when it is told.
    fn process() -> Child {
        let mut command = Command::new("cat");
        command.stdin(Stdio::piped()).spawn().unwrap()
    }

    /// It ends, and stays there as a corpse, whose number nothing else has.
    fn end(process: &mut Child) {
        drop(process.stdin.take());
    }

    #[tokio::test]
    async fn a_trace_ends_with_the_last_process_that_was_named() {
        let (mut one, mut other) = (process(), process());
        let stop = Stop::default();
        let processes = Processes::open(&[one.id(), other.id()]).unwrap();
        processes.end(&stop);
        assert!(!processes.has_ended(one.id()));
        let id = one.id();
        end(&mut one);
        while !processes.has_ended(id) {
            tokio::task::yield_now().await;
        }
        assert!(!stop.is_wanted() && !processes.has_ended(other.id()));
        end(&mut other);
        stop.wanted().await;
        assert!(!stop.is_asked(), "the user has not asked for that");
        // One that has ended before is not waited for.
        let late = Stop::default();
        Processes::open(&[one.id()]).unwrap().end(&late);
        late.wanted().await;
        for mut process in [one, other] {
            process.wait().unwrap();
        }
    }

    #[test]
    fn a_number_that_no_process_has_is_one_that_has_ended() {
        // Beyond the largest that the kernel gives (PID_MAX_LIMIT).
        assert!(open(1 << 23).unwrap().is_none());
    }

    #[tokio::test]
    async fn without_a_process_there_is_no_end() {
        let stop = Stop::default();
        Processes::open(&[]).unwrap().end(&stop);
        tokio::task::yield_now().await;
        assert!(!stop.is_wanted());
    }
}
