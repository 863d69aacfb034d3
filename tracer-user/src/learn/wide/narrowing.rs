//! Narrowing under way, and its end. [`narrower`](super::narrower) has what its thread does.

use std::{
    thread::{self, JoinHandle},
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result};

use super::{narrower::Narrower, start::Start};

/// Narrowing under way.
pub struct Narrowing {
    thread: JoinHandle<()>,
}

impl Narrowing {
    /// Begins to wait for the moment. It ends with the sets.
    pub fn start(start: Start) -> Result<Self> {
        let thread = thread::Builder::new()
            .name("narrowing".to_owned())
            .spawn(move || Narrower::new(start).run())
            .context("no thread can be made")?;
        Ok(Self { thread })
    }

    /// Waits for the thread to see that the sets have ended, unless that takes longer than
    /// `patience`: it may be in the kernel.
    pub fn end(self, patience: Duration) {
        let end = Instant::now() + patience;
        while !self.thread.is_finished() && Instant::now() < end {
            thread::sleep(Duration::from_millis(5));
        }
    }
}
