//! A file as the kernel knows it: by its inode and the device of its filesystem.
//!
//! What stat(2) calls the device is a filesystem's own invention on some (btrfs has one for each
//! subvolume). The kernel's `super_block.s_dev` is what /proc/self/mountinfo has of the mount that
//! the file is on (`show_mountinfo`, fs/proc_namespace.c).

use std::{
    fs::{self, File, OpenOptions},
    io,
    os::{
        fd::AsRawFd as _,
        unix::fs::{MetadataExt as _, OpenOptionsExt as _},
    },
    path::Path,
};

/// Bits of a device's number that are its minor: `MINORBITS`, include/linux/kdev_t.h.
const MINOR_BITS: u32 = 20;

/// Which file it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FileIdentity {
    /// The number of its inode: `inode.i_ino`.
    pub inode: u64,
    /// The device of its filesystem: `super_block.s_dev`.
    pub device: u64,
}

impl FileIdentity {
    /// The file at `path`, which is not opened for reading or writing.
    pub fn at(path: &Path) -> io::Result<Self> {
        let file = OpenOptions::new()
            .read(true)
            .custom_flags(libc::O_PATH)
            .open(path)?;
        let mounts = fs::read_to_string("/proc/self/mountinfo")?;
        let device = mount_of(&file)?.and_then(|mount| device_of(&mounts, &mount));
        let unknown = || io::Error::other("its mount is not in /proc/self/mountinfo");
        Ok(Self {
            inode: file.metadata()?.ino(),
            device: device.ok_or_else(unknown)?,
        })
    }
}

/// The number of the mount that a file is on.
fn mount_of(file: &File) -> io::Result<Option<String>> {
    let info = fs::read_to_string(format!("/proc/self/fdinfo/{}", file.as_raw_fd()))?;
    let mount = info.lines().find_map(|line| line.strip_prefix("mnt_id:"));
    Ok(mount.map(|mount| mount.trim().to_owned()))
}

/// The device of the filesystem of a mount: the third word of its line.
fn device_of(mounts: &str, mount: &str) -> Option<u64> {
    mounts.lines().find_map(|line| {
        let mut words = line.split(' ');
        let device = words.next().filter(|id| *id == mount).and(words.nth(1))?;
        let (major, minor) = device.split_once(':')?;
        Some(major.parse::<u64>().ok()? << MINOR_BITS | minor.parse::<u64>().ok()?)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_device_is_that_of_the_mount() {
        let mounts =
            "22 28 0:20 / /sys rw - sysfs sysfs rw\n28 1 254:1 / / rw - ext4 /dev/vda1 rw\n";
        assert_eq!(device_of(mounts, "28"), Some(254 << 20 | 1));
        assert_eq!(device_of(mounts, "22"), Some(20));
        assert_eq!(device_of(mounts, "2"), None);
    }

    #[test]
    fn two_names_of_a_file_are_one_file() {
        let directory = tempfile::tempdir().unwrap();
        let [one, other, third] = ["one", "other", "third"].map(|name| directory.path().join(name));
        fs::write(&one, "").unwrap();
        fs::hard_link(&one, &other).unwrap();
        fs::write(&third, "").unwrap();
        let at = |path: &Path| FileIdentity::at(path).unwrap();
        assert_eq!(at(&one), at(&other));
        assert_ne!(at(&one), at(&third));
        assert_eq!(at(&one).device, at(&third).device);
        assert!(FileIdentity::at(&directory.path().join("none")).is_err());
    }
}
