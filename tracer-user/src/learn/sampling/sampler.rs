//! The function tracer in a process of its own.
//!
//! To set it is long work for the kernel, which patches the entry of every function: a third of a
//! second on a large machine, many seconds in an emulated one. A process that does that cannot be
//! interrupted meanwhile, nor can its process end. So tracer has it done by a process of the same
//! program, waits for the answer only as long as it is wanted, and when it ends, that process
//! switches the function tracer off and removes the instance in the background.
//!
//! If it is killed alone, another one clears up. In a PID namespace there is none: see
//! [`super::is_skipped`].

use std::{
    io,
    os::{
        fd::{AsFd as _, OwnedFd},
        unix::{net::UnixStream, process::CommandExt as _, process::ExitStatusExt as _},
    },
    process::{Child, Command, Stdio},
    sync::atomic::{AtomicBool, Ordering},
    thread,
    time::{Duration, Instant},
};

use nix::{
    errno::Errno,
    poll::{PollFd, PollFlags, PollTimeout, poll},
};

use super::{
    FunctionHit, SamplingError,
    message::{Reply, Request, receive, send},
};
/// The subcommand of tracer that is the sampling process.
pub const ACTION: &str = "sample";

/// How often it is seen that an answer is no longer wanted.
const TICK: Duration = Duration::from_millis(20);
/// The same, ms.
const TICK_MS: u8 = 20;

/// A sampling process at work. It ends by itself when this is dropped, or when the process that
/// started it is gone.
#[derive(Debug)]
pub struct Sampler {
    stream: UnixStream,
    process: Child,
}

/// What was found, or that it was no longer wanted before that.
pub type Found<T> = Result<Option<T>, SamplingError>;

impl Sampler {
    /// Starts the process. Nothing is traced yet.
    pub fn start() -> Result<Self, SamplingError> {
        let (stream, other) = UnixStream::pair().map_err(SamplingError::Process)?;
        let process = Command::new("/proc/self/exe")
            .arg(ACTION)
            .stdin(OwnedFd::from(other))
            // A reader of tracer's output sees its end before this process's.
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            // The terminal's Ctrl-C is not for it.
            .process_group(0)
            .spawn()
            .map_err(SamplingError::Process)?;
        Ok(Self { stream, process })
    }

    /// The process's number.
    pub fn process(&self) -> u32 {
        self.process.id()
    }

    /// The tasks that call one of the functions within `time`, those of tracer itself skipped.
    ///
    /// Ends early when callers were seen and no new ones come for as long as it took to see the
    /// first, or for a second.
    pub fn callers_of(
        &mut self,
        names: &[&str],
        time: Duration,
        stop: &AtomicBool,
    ) -> Found<Vec<u32>> {
        let names = names.iter().map(ToString::to_string).collect();
        match self.ask(&Request::CallersOf { names, time }, stop)? {
            Some(Reply::Callers(tasks)) => Ok(Some(tasks)),
            None => Ok(None),
            Some(_) => Err(SamplingError::Process(io::ErrorKind::InvalidData.into())),
        }
    }

    /// Begins a sampling window: every function that is entered from now on is recorded, in the
    /// tasks given and in those they start.
    pub fn begin(&mut self, tids: &[u32], stop: &AtomicBool) -> Found<()> {
        let tids = tids.to_vec();
        Ok(self.ask(&Request::Begin { tids }, stop)?.map(|_| ()))
    }

    /// Ends the window. The hits of a task come in order, one task after the other. None if that
    /// takes longer than `patience`.
    pub fn collect(&mut self, patience: Duration) -> Found<Vec<FunctionHit>> {
        let began = Instant::now();
        match self.ask_until(&Request::Collect, || began.elapsed() >= patience)? {
            Some(Reply::Hits(hits)) => Ok(hits.into_iter().map(FunctionHit::received).collect()),
            None => Ok(None),
            Some(_) => Err(SamplingError::Process(io::ErrorKind::InvalidData.into())),
        }
    }

    /// A window of that length.
    pub fn record(
        &mut self,
        tids: &[u32],
        time: Duration,
        stop: &AtomicBool,
    ) -> Found<Vec<FunctionHit>> {
        if self.begin(tids, stop)?.is_none() {
            return Ok(None);
        }
        let end = Instant::now() + time;
        while Instant::now() < end {
            if stop.load(Ordering::Acquire) {
                return Ok(None);
            }
            thread::sleep(TICK.min(end.saturating_duration_since(Instant::now())));
        }
        self.collect(Duration::MAX)
    }

    /// Traces nothing, and forgets what was traced.
    pub fn rest(&mut self, stop: &AtomicBool) -> Found<()> {
        Ok(self.ask(&Request::Rest, stop)?.map(|_| ()))
    }

    /// The answer; none if `stop` was set before it came. Then there are no more, because the next
    /// would be the one to this.
    fn ask(&mut self, request: &Request, stop: &AtomicBool) -> Found<Reply> {
        self.ask_until(request, || stop.load(Ordering::Acquire))
    }

    fn ask_until(&mut self, request: &Request, is_over: impl Fn() -> bool) -> Found<Reply> {
        send(&mut self.stream, request).map_err(SamplingError::Process)?;
        while !is_over() {
            let mut answer = [PollFd::new(self.stream.as_fd(), PollFlags::POLLIN)];
            match poll(&mut answer, PollTimeout::from(TICK_MS)) {
                Ok(0) | Err(Errno::EINTR) => {}
                Ok(_) => {
                    return match receive(&mut self.stream) {
                        Ok(Reply::Failed(reason)) => Err(SamplingError::Failed(reason)),
                        Ok(reply) => Ok(Some(reply)),
                        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => {
                            // So that it is known how it has ended. It holds nothing any more that
                            // takes time.
                            let _ = self.process.wait();
                            Err(SamplingError::Killed)
                        }
                        Err(error) => Err(SamplingError::Process(error)),
                    };
                }
                Err(error) => return Err(SamplingError::Process(error.into())),
            }
        }
        Ok(None)
    }
}

impl Sampler {
    /// Tells the process to end.
    fn end(&mut self) {
        // Not only closed: a process that lets probes go may have a copy.
        let _ = self.stream.shutdown(std::net::Shutdown::Both);
    }

    /// Whether the process was killed, and could not clear up.
    fn was_killed(&mut self) -> bool {
        let ended = self.process.try_wait();
        ended.is_ok_and(|ended| ended.is_some_and(|status| status.signal().is_some()))
    }
}

/// Removes what a process has left that was killed: one that is begun anew does so first of all.
fn clear_up() -> io::Result<()> {
    let mut sampler = Sampler::start().map_err(|error| io::Error::other(error.to_string()))?;
    send(&mut sampler.stream, &Request::Rest)?;
    sampler.end();
    Ok(())
}

impl Drop for Sampler {
    fn drop(&mut self) {
        if !self.was_killed() {
            self.end();
        } else if let Err(error) = clear_up() {
            log::warn!("what the function tracer was set to stays: {error}");
        }
    }
}
