//! The tasks that were named, and the end of the last of them.
//!
//! As with [`super::processes`], a number does not tell one task from the next that has it.
//! Descriptors of threads that say when one has ended are there from 6.9 on only (PIDFD_THREAD), so
//! a task is held by its directory in /proc, in which nothing is found any more when it has ended,
//! and which is looked at five times a second.

use std::{
    fs::File,
    io::{self, Read as _},
    sync::Arc,
    time::Duration,
};

use nix::{
    fcntl::{OFlag, openat},
    sys::stat::Mode,
};

use crate::stop::Stop;

/// How often it is looked whether one has ended.
const TICK: Duration = Duration::from_millis(200);

/// The tasks that were named, by their numbers; none after one that has ended before.
#[derive(Clone, Debug)]
pub struct Tasks(Arc<Vec<(u32, Option<File>)>>);

impl Tasks {
    /// Those that have these numbers now.
    pub fn open(tids: &[u32]) -> Self {
        let open = |&tid: &u32| (tid, File::open(format!("/proc/{tid}")).ok());
        Self(Arc::new(tids.iter().map(open).collect()))
    }

    /// Ends the trace when all of them have ended. With none there is nothing to wait for.
    pub fn end(&self, stop: &Stop) {
        if self.0.is_empty() {
            return;
        }
        let (tasks, stop) = (self.clone(), stop.clone());
        tokio::spawn(async move {
            while tasks.0.iter().any(|(_, task)| runs(task.as_ref())) {
                tokio::time::sleep(TICK).await;
            }
            stop.at_end();
        });
    }

    /// Whether the task that had this number at first has ended.
    pub fn has_ended(&self, tid: u32) -> bool {
        let mut named = self.0.iter().filter(|(number, _)| *number == tid);
        !named.next().is_some_and(|(_, task)| runs(task.as_ref()))
    }
}

/// Whether a task runs, by its directory. One that is only waited for (`Z`, `X`) has ended
/// (get_task_state, fs/proc/array.c).
fn runs(task: Option<&File>) -> bool {
    let read = |task: &File| {
        let status = openat(task, "stat", OFlag::O_RDONLY, Mode::empty())?;
        let mut text = String::new();
        File::from(status).read_to_string(&mut text)?;
        io::Result::Ok(text)
    };
    let Some(Ok(text)) = task.map(read) else {
        return false;
    };
    let state = text.rsplit(") ").next().unwrap_or_default();
    !state.starts_with(['Z', 'X'])
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc::channel;

    use nix::unistd::gettid;

    use super::*;

    #[tokio::test]
    async fn a_trace_ends_with_the_last_task_that_was_named() {
        let (tell, number) = channel();
        let (end, wait) = channel::<()>();
        let thread = std::thread::spawn(move || {
            tell.send(gettid().as_raw().cast_unsigned()).unwrap();
            let _ = wait.recv();
        });
        let number = number.recv().unwrap();
        let stop = Stop::default();
        let tasks = Tasks::open(&[number]);
        tasks.end(&stop);
        tokio::task::yield_now().await;
        assert!(!stop.is_wanted() && !tasks.has_ended(number));
        drop(end);
        thread.join().unwrap();
        stop.wanted().await;
        assert!(tasks.has_ended(number) && !stop.is_asked());
    }

    #[tokio::test]
    async fn without_a_task_there_is_no_end() {
        let stop = Stop::default();
        Tasks::open(&[]).end(&stop);
        tokio::task::yield_now().await;
        assert!(!stop.is_wanted());
    }
}
