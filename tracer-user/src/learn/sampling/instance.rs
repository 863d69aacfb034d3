//! A tracefs instance: a directory with a ring buffer and switches of its own.
//!
//! An instance outlives the process that made it: the kernel removes none by itself. So its owner
//! holds a lock on its directory (flock(2)), which the kernel takes away with the owner, and each
//! trace begins by removing those that nobody holds. Unlike numbers of processes, locks mean the
//! same for all who hold one.
//!
//! Until then one that was left costs little: its owner holds `free_buffer` open, and when the
//! kernel closes that, it stops recording and takes the buffers' memory back
//! (`tracing_free_buffer_release`, kernel/trace/trace.c). The functions stay patched.

use std::{
    fs::{self, File},
    io,
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
    /// What stops it when this process has gone. The instance is not removed while it is open.
    stop: Option<File>,
    /// Its directory, locked.
    _claim: File,
}

impl Instance {
    /// Makes this process's instance, and removes those whose owners are gone.
    pub(super) fn create() -> Result<Self, TracefsError> {
        let tracefs = Tracefs::open()?;
        let instances = tracefs.path("instances");
        // One at a time, or one that has just been made would be seen before it is locked.
        let turn = locked(&instances)?;
        remove_stale(&instances);
        let files = tracefs.below(&format!("instances/{PREFIX}{}", std::process::id()));
        let path = files.path("");
        fs::create_dir(&path).map_err(|error| TracefsError::File {
            action: "make the instance",
            path: path.clone(),
            error,
        })?;
        let claim = locked(&path)?;
        drop(turn);
        let mut instance = Self {
            files,
            stop: None,
            _claim: claim,
        };
        instance.stop = Some(instance.stop_when_gone()?);
        Ok(instance)
    }

    fn stop_when_gone(&self) -> Result<File, TracefsError> {
        self.set("options/disable_on_free", "1")?;
        let path = self.path("free_buffer");
        File::options()
            .write(true)
            .open(&path)
            .map_err(|error| TracefsError::File {
                action: "open",
                path,
                error,
            })
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
        self.stop = None;
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

/// A directory, locked as soon as nobody else holds it.
fn locked(path: &Path) -> Result<File, TracefsError> {
    let lock = || {
        let directory = File::open(path)?;
        directory.lock()?;
        Ok(directory)
    };
    lock().map_err(|error| TracefsError::File {
        action: "lock",
        path: path.to_owned(),
        error,
    })
}

/// Removes the instances of tracers that were killed together with their sampling processes, and
/// says so.
pub fn remove_left() {
    if let Ok(tracefs) = Tracefs::open() {
        let instances = tracefs.path("instances");
        // As one is made: it is seen before it is locked.
        if let Ok(_turn) = locked(&instances) {
            remove_stale(&instances);
        }
    }
}

/// The instances that [`remove_left`] would remove.
#[must_use]
pub fn left() -> Vec<PathBuf> {
    let left = || {
        let instances = Tracefs::open().ok()?.path("instances");
        let _turn = locked(&instances).ok()?;
        let unheld = unheld(&instances).into_iter();
        Some(unheld.map(|(path, _)| path).collect())
    };
    left().unwrap_or_default()
}

/// Removes the instances that nobody holds.
fn remove_stale(instances: &Path) {
    for (path, _claim) in unheld(instances) {
        let path_shown = path.display();
        match remove(&path) {
            Ok(()) => eprintln!("tracer: removed {path_shown}, left by a tracer that was killed"),
            Err(error) => {
                eprintln!("tracer: cannot remove {path_shown}: {error}; remove it with rmdir");
            }
        }
    }
}

/// The instances of tracer's that nobody holds, which are held now.
fn unheld(instances: &Path) -> Vec<(PathBuf, File)> {
    let entries = fs::read_dir(instances).into_iter().flatten().flatten();
    entries
        .filter(|entry| entry.file_name().to_str().is_some_and(is_ours))
        .filter_map(|entry| {
            let directory = File::open(entry.path()).ok()?;
            directory.try_lock().ok()?;
            Some((entry.path(), directory))
        })
        .collect()
}

/// Whether an instance is one of tracer's: the prefix, a process, and, from versions that made one
/// in a PID namespace, the inode of that.
fn is_ours(name: &str) -> bool {
    name.strip_prefix(PREFIX).is_some_and(|rest| {
        let mut numbers = rest.splitn(2, '-');
        numbers.all(|number| number.parse::<u64>().is_ok())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_our_own_instances_are_ours() {
        for ours in ["tracer-12", "tracer-12-4026532201"] {
            assert!(is_ours(ours), "{ours}");
        }
        for other in [
            "tracer-",
            "tracer-x",
            "tracer-1-",
            "tracer-1-2-3",
            "trace-cmd-12",
        ] {
            assert!(!is_ours(other), "{other}");
        }
    }

    #[test]
    fn what_belongs_to_others_stays() {
        let base = tempfile::tempdir().unwrap();
        let make = |name: &str| {
            let path = base.path().join(name);
            fs::create_dir(&path).unwrap();
            path
        };
        // No process has that number, and it is held all the same: by one in another namespace.
        let held = make("tracer-4194305");
        let claim = locked(&held).unwrap();
        make("other");
        make("tracer-");
        // Process 1 runs, and has not made it.
        let left = make("tracer-1");
        let paths = || {
            let unheld = unheld(base.path());
            unheld.into_iter().map(|(path, _)| path).collect::<Vec<_>>()
        };
        assert_eq!(paths(), [left.as_path()]);
        fs::remove_dir(left).unwrap();
        drop(claim);
        assert_eq!(paths(), [held]);
    }
}
