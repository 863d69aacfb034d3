//! A tracefs instance: a directory with a ring buffer and switches of its own.
//!
//! The directory is named after the process, so that a later run can tell that its owner is gone.

use std::{
    fs, io,
    path::{Path, PathBuf},
    thread,
    time::{Duration, Instant},
};

use crate::kernel::tracefs::{Tracefs, TracefsError};

const PREFIX: &str = "tracer-";

/// How long the kernel may need to let go of an instance whose files were just closed.
const REMOVAL_TIME: Duration = Duration::from_secs(2);
const REMOVAL_TICK: Duration = Duration::from_millis(10);

/// An instance that is removed when it is dropped.
#[derive(Debug)]
pub(super) struct Instance {
    files: Tracefs,
}

impl Instance {
    /// Makes this process's instance, and removes those of processes that are gone.
    pub(super) fn create() -> Result<Self, TracefsError> {
        let tracefs = Tracefs::open()?;
        let own = std::process::id();
        remove_stale(&tracefs.path("instances"), own);
        let files = tracefs.below(&format!("instances/{PREFIX}{own}"));
        let path = files.path("");
        fs::create_dir(&path).map_err(|error| TracefsError::File {
            action: "make the instance",
            path,
            error,
        })?;
        Ok(Self { files })
    }

    pub(super) fn set(&self, file: &str, value: &str) -> Result<(), TracefsError> {
        self.files.write(file, value)
    }

    pub(super) fn text(&self, file: &str) -> Result<String, TracefsError> {
        let bytes = self.files.read(file)?;
        Ok(String::from_utf8_lossy(&bytes).into_owned())
    }

    pub(super) fn path(&self, file: &str) -> PathBuf {
        self.files.path(file)
    }
}

impl Drop for Instance {
    fn drop(&mut self) {
        let path = self.files.path("");
        if let Err(error) = remove(&path) {
            log::warn!(
                "cannot remove {}: {error}; remove it with rmdir",
                path.display()
            );
        }
    }
}

/// Switches an instance off and removes it.
fn remove(path: &Path) -> io::Result<()> {
    // Failing to switch off is no reason not to try removing, which switches off too.
    let _ = fs::write(path.join("tracing_on"), "0");
    let _ = fs::write(path.join("current_tracer"), "nop");
    let end = Instant::now() + REMOVAL_TIME;
    loop {
        match fs::remove_dir(path) {
            // A file that was just closed may keep it for a moment.
            Err(error) if error.kind() == io::ErrorKind::ResourceBusy && Instant::now() < end => {
                thread::sleep(REMOVAL_TICK);
            }
            result => return result,
        }
    }
}

/// Removes the instances of processes that are gone, and one of ours: a process has one at a time,
/// so it was left by an earlier process of the same number.
fn remove_stale(instances: &Path, own: u32) {
    let Ok(entries) = fs::read_dir(instances) else {
        return;
    };
    for entry in entries.flatten() {
        let name = entry.file_name();
        let Some(owner) = name.to_str().and_then(owner_of) else {
            continue;
        };
        if owner == own || !Path::new(&format!("/proc/{owner}")).exists() {
            match remove(&entry.path()) {
                Ok(()) => log::info!(
                    "removed {}, left by a tracer that was killed",
                    entry.path().display()
                ),
                Err(error) => log::warn!("cannot remove {}: {error}", entry.path().display()),
            }
        }
    }
}

/// The process that an instance belongs to, if it is one of tracer's.
fn owner_of(name: &str) -> Option<u32> {
    name.strip_prefix(PREFIX)?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_our_own_instances_have_an_owner() {
        assert_eq!(owner_of("tracer-12"), Some(12));
        assert_eq!(owner_of("tracer-"), None);
        assert_eq!(owner_of("tracer-x"), None);
        assert_eq!(owner_of("trace-cmd-12"), None);
    }

    #[test]
    fn what_belongs_to_others_stays() {
        let base = std::env::temp_dir().join(format!("tracer-test-{}", std::process::id()));
        // Process 1 runs.
        let others = ["tracer-1", "tracer-", "other"].map(|name| base.join(name));
        for other in &others {
            fs::create_dir_all(other).unwrap();
        }
        remove_stale(&base, std::process::id());
        let left = others.each_ref().map(|other| other.exists());
        fs::remove_dir_all(&base).unwrap();
        assert_eq!(left, [true; 3]);
    }
}
