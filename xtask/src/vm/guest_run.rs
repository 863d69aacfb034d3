//! What happens between power-on and power-off: reads every channel, and decides when it is over.
//!
//! One thread for each channel only reads; all decisions fall in one place, [`GuestRun::run`],
//! which takes events in the order in which they come and knows every deadline.

use std::collections::hash_map::RandomState;
use std::hash::{BuildHasher, Hasher};
use std::io::{self, Read, Write};
use std::os::unix::net::UnixStream;
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::anyhow;

use super::channel::UntilToken;
use super::console::Console;
use super::qemu::{GuestStream, Machine};
use super::{Sinks, VmEnd, VmError, VmSpec};

/// How long a complaint may go on before the machine is ended.
const COMPLAINT: Duration = Duration::from_secs(1);

/// How long the kernel log may lag behind the command's end.
const LOG_LAG: Duration = Duration::from_secs(10);

/// Something that no command prints by accident.
pub fn token() -> String {
    // Random keys are all that the standard library has of randomness, and all that is needed.
    let random = || RandomState::new().build_hasher().finish();
    format!("<<end-{:016x}{:016x}>>", random(), random())
}

struct Event {
    source: GuestStream,
    /// Nothing: the channel has closed.
    bytes: Option<Vec<u8>>,
}

/// One run of one machine.
pub struct GuestRun<'a, 'b> {
    spec: &'a VmSpec,
    sinks: Sinks<'b>,
    started: Instant,
    stdout: UntilToken,
    stderr: UntilToken,
    control: Vec<u8>,
    console: Console,
    /// When to end because of a complaint of the kernel.
    complained: Option<Instant>,
    /// When the command was over with all its output.
    finished: Option<Instant>,
    first_output: Option<Duration>,
}

impl<'a, 'b> GuestRun<'a, 'b> {
    pub fn new(spec: &'a VmSpec, sinks: Sinks<'b>, token: &str) -> Self {
        Self {
            spec,
            sinks,
            started: Instant::now(),
            stdout: UntilToken::new(token),
            stderr: UntilToken::new(token),
            control: Vec::new(),
            console: Console::new(token),
            complained: None,
            finished: None,
            first_output: None,
        }
    }

    /// Sees the machine to its end, which is when this returns.
    pub fn run(mut self, machine: Machine) -> Result<VmEnd, VmError> {
        let result = self.supervise(machine);
        // What looked like the beginning of a token that never came. The verdict stands already: a
        // reader that has gone does not change it.
        for source in [GuestStream::Stdout, GuestStream::Stderr] {
            let _ = self.pass_on(source, UntilToken::take_rest);
        }
        let elapsed = self.started.elapsed();
        result.map(|status| VmEnd {
            status,
            first_output: self.first_output,
            elapsed,
        })
    }

    fn supervise(&mut self, mut machine: Machine) -> Result<u8, VmError> {
        let events = read_all(&mut machine)?;
        loop {
            if let Some(end) = self.verdict() {
                return end;
            }
            match events.recv_timeout(self.next_deadline()) {
                Ok(Event {
                    source,
                    bytes: Some(bytes),
                }) => self.take(source, &bytes)?,
                // One channel closes no earlier than all do: when QEMU ends.
                Ok(Event { bytes: None, .. }) | Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => return self.died(),
            }
        }
    }

    fn take(&mut self, source: GuestStream, bytes: &[u8]) -> Result<(), VmError> {
        match source {
            GuestStream::Console => {
                if self.spec.verbose {
                    let _ = io::stderr().write_all(bytes);
                }
                self.console.push(bytes);
                if self.complained.is_none() && self.console.trouble().is_some() {
                    self.complained = Some(Instant::now());
                }
            }
            GuestStream::Control => self.control.extend_from_slice(bytes),
            GuestStream::Stdout | GuestStream::Stderr => {
                self.pass_on(source, |stream| stream.push(bytes))?;
            }
        }
        if self.finished.is_none()
            && self.stdout.ended()
            && self.stderr.ended()
            && self.status().is_some()
        {
            self.finished = Some(Instant::now());
        }
        Ok(())
    }

    /// Gives the command's bytes to whom they belong.
    fn pass_on(
        &mut self,
        source: GuestStream,
        own: impl FnOnce(&mut UntilToken) -> Vec<u8>,
    ) -> Result<(), VmError> {
        let (stream, sink) = if source == GuestStream::Stdout {
            (&mut self.stdout, &mut self.sinks.stdout)
        } else {
            (&mut self.stderr, &mut self.sinks.stderr)
        };
        let bytes = own(stream);
        if bytes.is_empty() {
            return Ok(());
        }
        self.first_output
            .get_or_insert_with(|| self.started.elapsed());
        sink.write_all(&bytes)
            .and_then(|()| sink.flush())
            .map_err(|error| match error.kind() {
                io::ErrorKind::BrokenPipe => VmError::OutputClosed,
                _ => VmError::Host(anyhow!(error).context("cannot write the command's output")),
            })
    }

    /// The end of the run, if it has come.
    fn verdict(&self) -> Option<Result<u8, VmError>> {
        let trouble = || Err(VmError::Kernel(self.console.trouble().unwrap_or_default()));
        if self.complained.is_some_and(|at| at.elapsed() >= COMPLAINT) {
            return Some(trouble());
        }
        if let (Some(finished), None) = (self.finished, self.complained) {
            let log_complete = self.console.ended() || finished.elapsed() >= LOG_LAG;
            return log_complete.then(|| self.status().ok_or_else(|| self.protocol_error()));
        }
        let limit = self.spec.timeout;
        (self.started.elapsed() >= limit).then(|| {
            Err(VmError::Timeout {
                limit,
                console: self.console.tail(),
            })
        })
    }

    fn next_deadline(&self) -> Duration {
        let ends = [
            Some(self.started + self.spec.timeout),
            self.complained.map(|at| at + COMPLAINT),
            self.finished.map(|at| at + LOG_LAG),
        ];
        let next = ends.into_iter().flatten().min();
        next.map_or(LOG_LAG, |at| at.saturating_duration_since(Instant::now()))
    }

    fn died(&self) -> Result<u8, VmError> {
        Err(match self.console.trouble() {
            Some(words) => VmError::Kernel(words),
            None => VmError::Died(self.console.tail()),
        })
    }

    /// The command's exit status, once the guest has reported it.
    fn status(&self) -> Option<u8> {
        let text = String::from_utf8_lossy(&self.control);
        let (lines, _unfinished) = text.rsplit_once('\n')?;
        lines
            .lines()
            .find_map(|line| line.trim_end().strip_prefix("status ")?.parse().ok())
    }

    fn protocol_error(&self) -> VmError {
        VmError::Host(anyhow!(
            "the guest reported {:?}",
            String::from_utf8_lossy(&self.control)
        ))
    }
}

/// Starts a reader for each channel. The receiver is disconnected when all channels have closed.
fn read_all(machine: &mut Machine) -> Result<Receiver<Event>, VmError> {
    let (sender, receiver) = sync_channel(64);
    for (source, stream) in machine.streams.drain(..) {
        let sender = sender.clone();
        thread::Builder::new()
            .name(format!("{source:?}"))
            .spawn(move || read(source, stream, &sender))
            .map_err(|error| VmError::Host(anyhow!(error).context("cannot start a thread")))?;
    }
    Ok(receiver)
}

fn read(source: GuestStream, mut stream: UnixStream, sender: &SyncSender<Event>) {
    let mut buffer = vec![0; 64 << 10];
    loop {
        let bytes = match stream.read(&mut buffer) {
            Ok(length) if length > 0 => Some(buffer[..length].to_vec()),
            // A reset is how a killed QEMU closes.
            _ => None,
        };
        let closed = bytes.is_none();
        if sender.send(Event { source, bytes }).is_err() || closed {
            return;
        }
    }
}
