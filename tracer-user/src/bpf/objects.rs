//! BPF programs, maps and type information that the kernel holds, found by asking for one id after
//! the other.
//!
//! They come and go, so nothing is kept here. What the types say is read elsewhere
//! ([`crate::kernel::programs`]).

use std::{
    cell::Cell,
    io,
    os::fd::{AsFd as _, BorrowedFd, OwnedFd},
};

use aya_obj::generated::{bpf_btf_info, bpf_map_info, bpf_prog_info};

use super::syscall::{answer, info, open};

/// `BPF_PROG_GET_NEXT_ID`, `BPF_PROG_GET_FD_BY_ID`, `BPF_MAP_GET_FD_BY_ID`, `BPF_BTF_GET_FD_BY_ID`,
/// `BPF_BTF_GET_NEXT_ID`.
const NEXT_PROGRAM: libc::c_long = 11;
const OPEN_PROGRAM: libc::c_long = 13;
const OPEN_MAP: libc::c_long = 14;
const OPEN_TYPES: libc::c_long = 19;
const NEXT_TYPES: libc::c_long = 23;

/// Objects that are looked at; a kernel with more has ids that change faster than they are read.
const MOST_OBJECTS: usize = 1 << 16;

/// The programs that were loaded after the one with that id, in order, each with its own. One that
/// has gone meanwhile is none of them.
pub fn programs_after(id: u32) -> impl Iterator<Item = (u32, OwnedFd)> {
    ids_after(NEXT_PROGRAM, id).filter_map(|id| Some((id, by_id(OPEN_PROGRAM, id).ok()?)))
}

/// The program with that id, if it is there.
pub fn program(id: u32) -> io::Result<OwnedFd> {
    by_id(OPEN_PROGRAM, id)
}

/// Whether a program may go on in another one (`bpf_tail_call`): it has a map of programs
/// (BPF_MAP_TYPE_PROG_ARRAY).
pub fn may_tail_call(program: BorrowedFd<'_>) -> io::Result<bool> {
    const PROGRAMS: u32 = 3;
    // SAFETY: zero is a value of integers.
    let mut known: bpf_prog_info = unsafe { std::mem::zeroed() };
    // SAFETY: no pointer is set, and no count.
    unsafe { info(program, &mut known) }?;
    let mut maps = vec![0u32; known.nr_map_ids as usize];
    // SAFETY: as above.
    let mut wanted: bpf_prog_info = unsafe { std::mem::zeroed() };
    wanted.nr_map_ids = known.nr_map_ids;
    wanted.map_ids = maps.as_mut_ptr() as u64;
    // SAFETY: the list has the room that stands beside it.
    unsafe { info(program, &mut wanted) }?;
    for id in maps {
        let map = by_id(OPEN_MAP, id)?;
        // SAFETY: zero is a value of integers.
        let mut known: bpf_map_info = unsafe { std::mem::zeroed() };
        // SAFETY: no pointer is set, and no count.
        unsafe { info(map.as_fd(), &mut known) }?;
        if known.type_ == PROGRAMS {
            return Ok(true);
        }
    }
    Ok(false)
}

/// The types of a loaded module, as the kernel holds them.
pub fn module_types(module: &str) -> io::Result<Option<OwnedFd>> {
    for id in ids(NEXT_TYPES) {
        let Ok(types) = by_id(OPEN_TYPES, id) else {
            continue;
        };
        let mut name = [0; 64];
        // SAFETY: zero is a value of integers.
        let mut known: bpf_btf_info = unsafe { std::mem::zeroed() };
        known.name = name.as_mut_ptr() as u64;
        known.name_len = u32::try_from(name.len()).unwrap_or_default();
        // SAFETY: the name has the room that stands beside it.
        unsafe { info(types.as_fd(), &mut known) }?;
        let length = name.iter().position(|&byte| byte == 0).unwrap_or_default();
        if known.kernel_btf != 0 && &name[..length] == module.as_bytes() {
            return Ok(Some(types));
        }
    }
    Ok(None)
}

/// The functions of a program.
pub struct Functions {
    /// Where each begins in memory.
    pub starts: Vec<u64>,
    /// `struct bpf_func_info` of each: where it begins in the program, and its type id.
    pub types: Vec<[u32; 2]>,
    /// The id of the object that has the types.
    pub type_object: u32,
}

impl Functions {
    /// Asks the kernel.
    pub fn of(program: &OwnedFd) -> io::Result<Self> {
        // SAFETY: zero is a value of integers.
        let mut known: bpf_prog_info = unsafe { std::mem::zeroed() };
        // SAFETY: no pointer is set, and no count.
        unsafe { info(program.as_fd(), &mut known) }?;
        let mut starts = vec![0; known.nr_jited_ksyms as usize];
        let mut types = vec![[0; 2]; known.nr_func_info as usize];
        // SAFETY: as above.
        let mut wanted: bpf_prog_info = unsafe { std::mem::zeroed() };
        wanted.nr_jited_ksyms = known.nr_jited_ksyms;
        wanted.jited_ksyms = starts.as_mut_ptr() as u64;
        wanted.nr_func_info = known.nr_func_info;
        wanted.func_info = types.as_mut_ptr() as u64;
        wanted.func_info_rec_size = u32::try_from(size_of::<[u32; 2]>()).unwrap_or_default();
        // SAFETY: both lists have the room that stands beside them.
        unsafe { info(program.as_fd(), &mut wanted) }?;
        Ok(Self {
            starts,
            types,
            type_object: known.btf_id,
        })
    }
}

/// The bytes of a type object.
pub fn type_bytes(id: u32) -> io::Result<Vec<u8>> {
    let types = by_id(OPEN_TYPES, id)?;
    // SAFETY: zero is a value of integers.
    let mut known: bpf_btf_info = unsafe { std::mem::zeroed() };
    // SAFETY: no pointer is set, and no count.
    unsafe { info(types.as_fd(), &mut known) }?;
    let mut bytes = vec![0; known.btf_size as usize];
    // SAFETY: as above.
    let mut wanted: bpf_btf_info = unsafe { std::mem::zeroed() };
    wanted.btf = bytes.as_mut_ptr() as u64;
    wanted.btf_size = known.btf_size;
    // SAFETY: the bytes have the room that stands beside them.
    unsafe { info(types.as_fd(), &mut wanted) }?;
    Ok(bytes)
}

#[repr(C)]
#[derive(Default)]
struct IdAttributes {
    id: u32,
    /// The kernel writes here.
    next: Cell<u32>,
    flags: u32,
}

/// All ids, in order.
fn ids(command: libc::c_long) -> impl Iterator<Item = u32> {
    ids_after(command, 0)
}

/// All ids above this one, in order.
fn ids_after(command: libc::c_long, mut id: u32) -> impl Iterator<Item = u32> {
    std::iter::from_fn(move || {
        let attributes = IdAttributes {
            id,
            ..IdAttributes::default()
        };
        // SAFETY: the attributes point to nothing, and what the kernel writes is a cell.
        unsafe { answer(command, &attributes) }.ok()?;
        id = attributes.next.get();
        Some(id)
    })
    .take(MOST_OBJECTS)
}

fn by_id(command: libc::c_long, id: u32) -> io::Result<OwnedFd> {
    let attributes = IdAttributes {
        id,
        ..IdAttributes::default()
    };
    // SAFETY: the attributes point to nothing.
    unsafe { open(command, &attributes) }
}
