//! Memory that programs and userspace share: an array of one element.
//!
//! Programs have its address in their text (array_map_direct_value_addr, kernel/bpf/arraymap.c), so
//! there is no look-up. What userspace reads or changes meanwhile it has mapped; such an array
//! begins at a page (BPF_F_MMAPABLE, 5.5+).

use std::{io, num::NonZeroUsize, ptr::NonNull, sync::atomic::AtomicU64};

use aya::maps::{MapData, MapError};
use aya_obj::generated::{BPF_F_MMAPABLE, bpf_map_type::BPF_MAP_TYPE_ARRAY};
use nix::sys::mman::{MapFlags, ProtFlags, mmap, munmap};

/// Who reaches it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Users {
    /// Programs alone.
    Programs,
    /// Userspace, too, by [`Mapped`].
    Userspace,
}

/// Makes so many bytes.
pub(super) fn make(name: &str, bytes: u32, users: Users) -> Result<MapData, MapError> {
    // The size of an array's key.
    let number = 4;
    let flags = match users {
        Users::Programs => 0,
        Users::Userspace => BPF_F_MMAPABLE,
    };
    let kind = BPF_MAP_TYPE_ARRAY as u32;
    let definition = aya_obj::Map::new_from_params(kind, number, bytes, 1, flags);
    MapData::create(definition, name, None)
}

/// A mapping of such memory.
#[derive(Debug)]
pub(super) struct Mapped {
    start: NonNull<libc::c_void>,
    bytes: NonZeroUsize,
}

// SAFETY: the mapping is the value's own, and what is in it is reached by atomic instructions only.
unsafe impl Send for Mapped {}
// SAFETY: as above.
unsafe impl Sync for Mapped {}

impl Mapped {
    /// Maps `bytes` of what was made for userspace, a multiple of a page's.
    pub(super) fn of(map: &MapData, bytes: usize) -> io::Result<Self> {
        let bytes = NonZeroUsize::new(bytes).ok_or(io::ErrorKind::InvalidInput)?;
        let access = ProtFlags::PROT_READ | ProtFlags::PROT_WRITE;
        // SAFETY: a new mapping at an address that the kernel chooses.
        let start = unsafe { mmap(None, bytes, access, MapFlags::MAP_SHARED, map.fd(), 0) }?;
        Ok(Self { start, bytes })
    }

    /// The word at `offset`, which is a multiple of a word's and within the memory.
    pub(super) fn word(&self, offset: usize) -> &AtomicU64 {
        debug_assert!(offset + size_of::<u64>() <= self.bytes.get());
        // SAFETY: within the mapping, as callers see to, which lives as long as `self`; aligned as
        // pages are, and offsets as words are.
        unsafe { self.start.byte_add(offset).cast::<AtomicU64>().as_ref() }
    }
}

impl Drop for Mapped {
    fn drop(&mut self) {
        // SAFETY: the value's own mapping, of which no reference is left.
        let _ = unsafe { munmap(self.start, self.bytes.get()) };
    }
}
