//! The files of recordings.
//!
//! A recording holds kernel addresses and what the strings of other users' calls say, so a new one
//! can be read by its owner alone, whatever the umask is. One that is there keeps its mode: it is
//! as somebody wanted it. tracer runs as root and may write to a directory that others can write
//! to, so a name that is a symbolic link is refused; else who makes the link would choose which
//! file is overwritten. The names of tracer's own descriptors (`/dev/stdout`, `/dev/fd/3`) are
//! links, too, but the kernel's: they lead where the user has said.

use std::{
    fs::{File, OpenOptions},
    io,
    os::unix::fs::OpenOptionsExt as _,
    path::Path,
};

/// Its owner reads and writes it, and no other.
const MODE: u32 = 0o600;

/// Why a symbolic link is not written through, as the kernel says it in other words (ELOOP).
const LINK: &str = "it is a symbolic link, and a recording is not written through one";

/// The file of a recording, made if it is not there. What it holds stays until something is
/// written.
pub fn reserve(path: &Path) -> io::Result<File> {
    open(path, File::options().write(true).create(true))
}

/// An empty file for a recording.
pub fn create(path: &Path) -> io::Result<File> {
    let mut options = File::options();
    open(path, options.write(true).create(true).truncate(true))
}

/// A file for a recording in a place where nothing is.
pub fn create_new(path: &Path) -> io::Result<File> {
    open(path, File::options().write(true).create_new(true))
}

fn open(path: &Path, options: &mut OpenOptions) -> io::Result<File> {
    options.mode(MODE);
    if !is_own_descriptor(path) {
        options.custom_flags(libc::O_NOFOLLOW);
    }
    options.open(path).map_err(|error| {
        let is_link = error.raw_os_error() == Some(libc::ELOOP) && path.is_symlink();
        if is_link {
            io::Error::other(LINK)
        } else {
            error
        }
    })
}

/// Whether a path names a descriptor that tracer was started with. None but root makes links in
/// these places.
fn is_own_descriptor(path: &Path) -> bool {
    let directory = path.parent().and_then(Path::to_str);
    matches!(directory, Some("/dev/fd" | "/proc/self/fd"))
        || matches!(path.to_str(), Some("/dev/stdout" | "/dev/stderr"))
}

#[cfg(test)]
mod tests {
    use std::{
        fs,
        io::{Read as _, Write as _},
        os::{fd::AsRawFd as _, unix::fs::PermissionsExt as _},
    };

    use super::*;

    fn mode(path: &Path) -> u32 {
        fs::metadata(path).unwrap().permissions().mode() & 0o777
    }

    #[test]
    fn a_new_one_is_its_owners_and_one_that_is_there_stays_as_it_is() {
        let directory = tempfile::tempdir().unwrap();
        let path = |name: &str| directory.path().join(name);
        for (name, open) in [
            ("reserved", reserve as fn(&Path) -> _),
            ("created", create),
            ("new", create_new),
        ] {
            open(&path(name)).unwrap();
            assert_eq!(mode(&path(name)), 0o600, "{name}");
        }
        let there = path("there");
        fs::write(&there, "before").unwrap();
        fs::set_permissions(&there, fs::Permissions::from_mode(0o640)).unwrap();
        reserve(&there).unwrap();
        assert_eq!(fs::read(&there).unwrap(), b"before");
        create(&there).unwrap();
        assert_eq!((fs::read(&there).unwrap().len(), mode(&there)), (0, 0o640));
        assert!(create_new(&there).is_err());
    }

    #[test]
    fn a_recording_can_go_into_a_pipe() {
        let (mut reader, writer) = io::pipe().unwrap();
        let path = format!("/dev/fd/{}", writer.as_raw_fd());
        let mut file = reserve(Path::new(&path)).unwrap();
        file.write_all(b"recorded").unwrap();
        drop((file, writer));
        let mut read = String::new();
        reader.read_to_string(&mut read).unwrap();
        assert_eq!(read, "recorded");
        assert!(is_own_descriptor(Path::new("/dev/stdout")));
        assert!(!is_own_descriptor(Path::new("/dev/shm/recording")));
    }

    #[test]
    fn nothing_is_written_through_a_link() {
        let directory = tempfile::tempdir().unwrap();
        let (other, link) = (
            directory.path().join("other"),
            directory.path().join("link"),
        );
        fs::write(&other, "of somebody else").unwrap();
        std::os::unix::fs::symlink(&other, &link).unwrap();
        for open in [reserve, create] {
            assert_eq!(open(&link).unwrap_err().to_string(), LINK);
        }
        assert!(create_new(&link).is_err());
        // Nor is what it leads to made.
        fs::remove_file(&other).unwrap();
        for open in [reserve, create, create_new] {
            open(&link).unwrap_err();
        }
        assert!(!other.exists());
    }
}
