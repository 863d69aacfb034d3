//! Older recordings keep a number after their names: `FILE.1` is the newest of them.
//!
//! A name is free before it is taken, so whatever happens in between costs one file at most, the
//! oldest.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

/// Moves what is at `path` to a name with a number, and older ones to higher numbers; `keep` older
/// ones stay. An empty file, which somebody may have made to see whether it can be made, is none. A
/// symbolic link is moved, not what it leads to.
pub fn make_way(path: &Path, keep: u32) -> io::Result<()> {
    if keep == 0 || fs::symlink_metadata(path).is_ok_and(|file| file.len() == 0) {
        return Ok(());
    }
    for number in (1..keep).rev() {
        move_if_there(&numbered(path, number), &numbered(path, number + 1))?;
    }
    move_if_there(path, &numbered(path, 1))
}

fn numbered(path: &Path, number: u32) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(format!(".{number}"));
    name.into()
}

fn move_if_there(from: &Path, to: &Path) -> io::Result<()> {
    match fs::rename(from, to) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}
