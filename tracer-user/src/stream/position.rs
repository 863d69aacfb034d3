//! How far a ring is written and read.
//!
//! A reader that finds nothing may have come to the end, or to a record that is still being
//! written: its writer can be interrupted or preempted in the middle, and what others have written
//! after it waits. Only the positions tell the two apart. They stand at the beginning of the
//! ring's first two pages (struct bpf_ringbuf, kernel/bpf/ringbuf.c), which the kernel lets
//! userspace map.

use std::{
    io,
    num::NonZeroUsize,
    os::fd::AsFd,
    ptr::NonNull,
    sync::atomic::{AtomicU64, Ordering},
};

use nix::{
    sys::mman::{MapFlags, ProtFlags, mmap, munmap},
    unistd::{SysconfVar, sysconf},
};

/// The mapped positions of one ring.
pub struct Positions {
    pages: NonNull<libc::c_void>,
    page_bytes: usize,
}

// SAFETY: the mapping is read only, by atomic loads, and is the value's own.
unsafe impl Send for Positions {}

impl Positions {
    /// Maps the positions of a BPF ring buffer.
    pub fn of(ring: &impl AsFd) -> io::Result<Self> {
        let page = sysconf(SysconfVar::PAGE_SIZE)?.unwrap_or(4096);
        let page_bytes = usize::try_from(page).unwrap_or(4096);
        let length = NonZeroUsize::new(2 * page_bytes).ok_or(io::ErrorKind::InvalidInput)?;
        // SAFETY: a new mapping at an address that the kernel chooses.
        let pages = unsafe {
            let flags = MapFlags::MAP_SHARED;
            mmap(None, length, ProtFlags::PROT_READ, flags, ring.as_fd(), 0)?
        };
        Ok(Self { pages, page_bytes })
    }

    /// Bytes that have ever been claimed by writers.
    pub fn written(&self) -> u64 {
        self.load(self.page_bytes)
    }

    /// Bytes that have ever been read.
    pub fn read(&self) -> u64 {
        self.load(0)
    }

    fn load(&self, offset: usize) -> u64 {
        // SAFETY: within the mapping, which lives as long as `self`; aligned as pages are.
        unsafe {
            let position = self.pages.byte_add(offset).cast::<AtomicU64>();
            position.as_ref().load(Ordering::Acquire)
        }
    }
}

impl Drop for Positions {
    fn drop(&mut self) {
        // SAFETY: our own mapping, to which no reference is left.
        let unmapped = unsafe { munmap(self.pages, 2 * self.page_bytes) };
        debug_assert!(unmapped.is_ok());
    }
}
