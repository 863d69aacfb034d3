//! System calls that have nothing to do with sockets, one after the other: files, memory, threads.
//!
//! What they do is the same in each round, so that two recordings of them can be held against each
//! other.

use std::{
    fs::{self, File},
    io::{Read as _, Write as _},
    num::NonZeroUsize,
    path::{Path, PathBuf},
    sync::atomic::{AtomicBool, Ordering},
    thread,
};

use anyhow::{Context as _, Result, anyhow, ensure};
use nix::sys::mman::{MapFlags, ProtFlags, mmap_anonymous, munmap};

use super::{Summary, WorkloadOptions, pump};

/// What a round does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Calls {
    /// Writes a file, reads it, and removes it.
    Files,
    /// Maps memory, writes to it, and lets it go.
    Memory,
    /// Starts a thread and waits for its end.
    Threads,
}

/// Memory that is mapped at a time: a few pages, fewer than would be served by a large one.
const MAPPED: NonZeroUsize = NonZeroUsize::new(64 << 10).unwrap();

/// Goes on until the count is reached or `stop` is set.
pub(super) fn run(calls: Calls, options: &WorkloadOptions, stop: &AtomicBool) -> Result<Summary> {
    pump::place_sender(options.scheduling)?;
    let path = std::env::temp_dir().join(format!("tracer-workload-{}", std::process::id()));
    let data = vec![0; options.size];
    let mut rounds = 0;
    while options.count.is_none_or(|count| rounds < count) && !stop.load(Ordering::Acquire) {
        match calls {
            Calls::Files => file(&path, &data)?,
            Calls::Memory => memory()?,
            Calls::Threads => thread::spawn(|| ())
                .join()
                .map_err(|_| anyhow!("a thread panicked"))?,
        }
        rounds += 1;
        thread::sleep(options.interval);
    }
    Ok(Summary::Rounds(rounds))
}

/// A file that goes when this is dropped.
struct Removed(PathBuf);

impl Drop for Removed {
    fn drop(&mut self) {
        // One that was never made need not be removed.
        let _ = fs::remove_file(&self.0);
    }
}

fn file(path: &Path, data: &[u8]) -> Result<()> {
    let removed = Removed(path.to_owned());
    let context = || format!("{}: see that it can be written", removed.0.display());
    File::create(path)
        .and_then(|mut file| file.write_all(data))
        .with_context(context)?;
    let mut read = Vec::with_capacity(data.len() + 1);
    File::open(path)
        .and_then(|mut file| file.read_to_end(&mut read))
        .with_context(context)?;
    ensure!(read == data, "what was read is not what was written");
    Ok(())
}

fn memory() -> Result<()> {
    let access = ProtFlags::PROT_READ | ProtFlags::PROT_WRITE;
    // SAFETY: new memory, of which nobody else knows.
    unsafe {
        let start = mmap_anonymous(None, MAPPED, access, MapFlags::MAP_PRIVATE)
            .context("no memory can be mapped")?;
        start.cast::<u8>().write_volatile(1);
        munmap(start, MAPPED.get()).context("the memory cannot be let go")
    }
}
