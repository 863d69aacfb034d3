//! The user's wish to stop, known to the parts that wait and to those that work.

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

use tokio::{
    signal::unix::{SignalKind, signal},
    sync::Notify,
};

/// Set by SIGINT or SIGTERM, once and for all. Clones share it.
#[derive(Clone, Debug, Default)]
pub struct Stop {
    inner: Arc<Inner>,
}

#[derive(Debug, Default)]
struct Inner {
    wanted: AtomicBool,
    notify: Notify,
}

impl Stop {
    /// Listens for SIGINT and SIGTERM on the running tokio runtime.
    pub fn on_signals() -> std::io::Result<Self> {
        let stop = Self::default();
        stop.also_on([SignalKind::interrupt(), SignalKind::terminate()])?;
        Ok(stop)
    }

    /// Listens for other signals, too.
    pub fn also_on(&self, kinds: impl IntoIterator<Item = SignalKind>) -> std::io::Result<()> {
        for kind in kinds {
            let mut signals = signal(kind)?;
            let stop = self.clone();
            tokio::spawn(async move {
                while signals.recv().await.is_some() {
                    stop.now();
                }
            });
        }
        Ok(())
    }

    /// Stops.
    pub fn now(&self) {
        self.inner.wanted.store(true, Ordering::Release);
        self.inner.notify.notify_waiters();
        self.inner.notify.notify_one();
    }

    /// Whether to stop.
    #[must_use]
    pub fn is_wanted(&self) -> bool {
        self.inner.wanted.load(Ordering::Acquire)
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
