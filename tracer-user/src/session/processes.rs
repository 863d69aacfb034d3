//! The processes that were named, and the end of the last of them.
//!
//! When all of them have ended there is nothing more to trace, and their numbers may come to others. A number
//! does not tell one process from the next that has it, so a process is held by a descriptor (pidfd_open(2))
//! that is opened before anything else is done, and that says when it has ended.

use std::{
    io,
    os::fd::{FromRawFd as _, OwnedFd},
};

use anyhow::{Context as _, Result};
use tokio::io::{Interest, unix::AsyncFd};

use super::Stop;

/// Ends the trace when all of these processes have ended, from now on, whatever is being done then. With none there is nothing to
/// wait for.
pub fn end_with(pids: &[u32], stop: &Stop) -> Result<()> {
    if pids.is_empty() {
        return Ok(());
    }
    let processes = pids
        .iter()
        .filter_map(|&pid| {
            let process = open(pid).and_then(watched);
            let process = process.with_context(|| format!("process {pid} cannot be watched"));
            process.transpose()
        })
        .collect::<Result<Vec<_>>>()?;
    let stop = stop.clone();
    tokio::spawn(async move {
        for process in processes {
            // One that cannot be waited for is as good as ended: the trace must not go on without an end.
            let _ = process.readable().await;
        }
        stop.at_end();
    });
    Ok(())
}

fn watched(process: Option<OwnedFd>) -> io::Result<Option<AsyncFd<OwnedFd>>> {
    let watch = |process: OwnedFd| {
        // SAFETY: the descriptor is the one that is handed over, and open for as long as it is owned.
        Ok(unsafe { AsyncFd::register_with_interest(process, Interest::READABLE) }?)
    };
    process.map(watch).transpose()
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
        end_with(&[one.id(), other.id()], &stop).unwrap();
        end(&mut one);
        tokio::task::yield_now().await;
        assert!(!stop.is_wanted());
        end(&mut other);
        stop.wanted().await;
        assert!(!stop.is_asked(), "the user has not asked for that");
        // One that has ended before is not waited for.
        let late = Stop::default();
        end_with(&[one.id()], &late).unwrap();
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
        end_with(&[], &stop).unwrap();
        tokio::task::yield_now().await;
        assert!(!stop.is_wanted());
    }
}
