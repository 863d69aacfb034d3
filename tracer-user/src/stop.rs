//! That a trace is to stop, known to the parts that wait and to those that work.
//!
//! The user wants it, or there is nothing more to trace; only `tracer top` tells them apart, which
//! shows what it has until the user leaves it.
//!
//! SIGINT, SIGTERM and SIGHUP are one wish, and a second one changes nothing: what has been
//! captured is written first, however often the user asks. A process that was started with SIGHUP
//! ignored, as nohup does, goes on ignoring it. When the terminal has gone, with which SIGHUP comes
//! most of the time, what would be said there goes nowhere: it must not be an error that keeps the
//! rest from being written.

use std::{
    fs::File,
    io,
    mem::MaybeUninit,
    os::fd::AsFd,
    ptr,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use nix::{
    errno::Errno,
    sys::termios::tcgetattr,
    unistd::{dup2_stderr, dup2_stdout},
};
use tokio::{
    signal::unix::{SignalKind, signal},
    sync::Notify,
};

/// Set once and for all. Clones share it.
#[derive(Clone, Debug, Default)]
pub struct Stop {
    inner: Arc<Inner>,
}

#[derive(Debug, Default)]
struct Inner {
    wanted: AtomicBool,
    /// The user wants it.
    asked: AtomicBool,
    notify: Notify,
}

impl Stop {
    /// Listens for SIGINT, SIGTERM and SIGHUP on the running tokio runtime.
    pub fn on_signals() -> io::Result<Self> {
        let stop = Self::default();
        stop.also_on([SignalKind::interrupt(), SignalKind::terminate()])?;
        if !is_ignored(SignalKind::hangup()) {
            stop.on(SignalKind::hangup(), leave_terminal)?;
        }
        Ok(stop)
    }

    /// Listens for other signals, too.
    pub fn also_on(&self, kinds: impl IntoIterator<Item = SignalKind>) -> io::Result<()> {
        kinds.into_iter().try_for_each(|kind| self.on(kind, || ()))
    }

    /// Listens for a signal, and does something more before it stops.
    fn on(&self, kind: SignalKind, before: fn()) -> io::Result<()> {
        let mut signals = signal(kind)?;
        let stop = self.clone();
        tokio::spawn(async move {
            while signals.recv().await.is_some() {
                before();
                stop.now();
            }
        });
        Ok(())
    }

    /// The user wants to stop.
    pub fn now(&self) {
        self.inner.asked.store(true, Ordering::Release);
        self.at_end();
    }

    /// There is nothing more to trace.
    pub fn at_end(&self) {
        self.inner.wanted.store(true, Ordering::Release);
        self.inner.notify.notify_waiters();
        self.inner.notify.notify_one();
    }

    /// Whether to stop.
    #[must_use]
    pub fn is_wanted(&self) -> bool {
        self.inner.wanted.load(Ordering::Acquire)
    }

    /// Whether the user wants to stop.
    #[must_use]
    pub fn is_asked(&self) -> bool {
        self.inner.asked.load(Ordering::Acquire)
    }

    /// The flag itself, for code that polls it.
    #[must_use]
    pub fn flag(&self) -> &AtomicBool {
        &self.inner.wanted
    }

    /// Waits until it is time to stop.
    pub async fn wanted(&self) {
        while !self.is_wanted() {
            self.inner.notify.notified().await;
        }
    }
}

/// Whether a signal does nothing to this process.
fn is_ignored(kind: SignalKind) -> bool {
    let mut action = MaybeUninit::<libc::sigaction>::uninit();
    // SAFETY: no action is given, so none is changed, and there is room for the one that is.
    let asked = unsafe { libc::sigaction(kind.as_raw_value(), ptr::null(), action.as_mut_ptr()) };
    // SAFETY: the kernel has written it if it says so.
    asked == 0 && unsafe { action.assume_init() }.sa_sigaction == libc::SIG_IGN
}

/// Lets what would go to a terminal that has gone go nowhere.
fn leave_terminal() {
    let Ok(nowhere) = File::options().write(true).open("/dev/null") else {
        return;
    };
    if has_gone(io::stderr()) {
        let _ = dup2_stderr(&nowhere);
    }
    if has_gone(io::stdout()) {
        let _ = dup2_stdout(&nowhere);
    }
}

/// Whether this is a terminal that was hung up.
fn has_gone(stream: impl AsFd) -> bool {
    tcgetattr(stream) == Err(Errno::EIO)
}

#[cfg(test)]
mod tests {
    use nix::pty::openpty;

    use super::*;

    #[test]
    fn a_terminal_that_was_hung_up_has_gone() {
        let pty = openpty(None, None).unwrap();
        assert!(!has_gone(&pty.slave));
        drop(pty.master);
        assert!(has_gone(&pty.slave));
        // What is no terminal cannot go.
        assert!(!has_gone(File::open("/dev/null").unwrap()));
    }
}
