//! A cgroup by its directory.
//!
//! The kernel's id of a cgroup is the inode number of its directory (kernfs_ino,
//! include/linux/kernfs.h): with 64-bit inode numbers they are the same. Only the unified hierarchy
//! (version 2) counts: a task has one cgroup there.

use std::{
    os::unix::fs::MetadataExt as _,
    path::{Path, PathBuf},
};

use nix::sys::statfs::{CGROUP2_SUPER_MAGIC, statfs};
use thiserror::Error;

/// The kernel's number of a cgroup.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CgroupId(pub u64);

/// A cgroup that was named.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cgroup {
    /// Its directory.
    pub path: PathBuf,
    /// What the kernel called it when it was named.
    pub id: CgroupId,
}

impl Cgroup {
    /// The one whose directory this is.
    pub fn named(path: &Path) -> Result<Self, CgroupError> {
        Ok(Self {
            path: path.to_owned(),
            id: at(path)?,
        })
    }
}

/// There is no such cgroup.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub enum CgroupError {
    /// The path leads nowhere.
    #[error("`{0}` cannot be read: {1}; give a directory below /sys/fs/cgroup")]
    Unreadable(PathBuf, String),
    /// It leads elsewhere.
    #[error("`{0}` is no cgroup of version 2; give a directory below /sys/fs/cgroup")]
    NoCgroup(PathBuf),
}

/// The cgroup whose directory this is.
pub fn at(path: &Path) -> Result<CgroupId, CgroupError> {
    let unreadable = |error: String| CgroupError::Unreadable(path.to_owned(), error);
    let metadata = path
        .metadata()
        .map_err(|error| unreadable(error.to_string()))?;
    let system = statfs(path).map_err(|error| unreadable(error.desc().to_owned()))?;
    if !metadata.is_dir() || system.filesystem_type() != CGROUP2_SUPER_MAGIC {
        return Err(CgroupError::NoCgroup(path.to_owned()));
    }
    Ok(CgroupId(metadata.ino()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_cgroup_is_refused() {
        let nowhere = at(Path::new("/nowhere")).unwrap_err().to_string();
        assert!(
            nowhere.starts_with("`/nowhere` cannot be read"),
            "{nowhere}"
        );
        assert_eq!(
            at(Path::new("/proc")),
            Err(CgroupError::NoCgroup("/proc".into()))
        );
    }
}
