//! BPF programs and type information that the kernel holds, found by asking for one id after the
//! other.
//!
//! A probe on a function of a module or of a BPF program needs a descriptor of what describes that
//! function: the module's BTF, or the program. Programs come and go, so nothing is kept here.

use std::{
    cell::Cell,
    ffi::c_char,
    io,
    os::fd::{AsFd as _, BorrowedFd, OwnedFd},
};

use aya_obj::generated::{bpf_btf_info, bpf_map_info, bpf_prog_info};

use super::{
    Address,
    btf::{Prototype, Types},
    syscall::{answer, info, open},
};

/// `BPF_PROG_GET_NEXT_ID`, `BPF_PROG_GET_FD_BY_ID`, `BPF_MAP_GET_FD_BY_ID`, `BPF_BTF_GET_FD_BY_ID`,
/// `BPF_BTF_GET_NEXT_ID`.
const NEXT_PROGRAM: libc::c_long = 11;
const OPEN_PROGRAM: libc::c_long = 13;
const OPEN_MAP: libc::c_long = 14;
const OPEN_TYPES: libc::c_long = 19;
const NEXT_TYPES: libc::c_long = 23;

/// Objects that are looked at; a kernel with more has ids that change faster than they are read.
const MOST_OBJECTS: usize = 1 << 16;

/// A function of a BPF program that somebody has loaded.
#[derive(Debug)]
pub struct ProgramFunction {
    /// The program that it belongs to.
    pub program: OwnedFd,
    /// Its number among the program's functions: 0 is where the program begins, the others are
    /// called by it.
    pub number: usize,
    /// Its type id among the program's own types.
    pub type_id: u32,
    /// Its name in the program's source.
    pub name: String,
    /// What it takes and returns.
    pub prototype: Option<Prototype>,
}

/// The program's function that begins at `start`; none if there is no such program, or if it has no
/// types.
pub fn program_function(start: Address) -> io::Result<Option<ProgramFunction>> {
    for id in ids(NEXT_PROGRAM) {
        // One that has gone meanwhile is not the one.
        let Ok(program) = by_id(OPEN_PROGRAM, id) else {
            continue;
        };
        let functions = Functions::of(&program)?;
        let Some(number) = functions.starts.iter().position(|&at| at == start.0) else {
            continue;
        };
        let Some(&[_, type_id]) = functions.types.get(number) else {
            return Ok(None);
        };
        let Ok(types) = Types::parse(type_bytes(functions.type_object)?) else {
            return Ok(None);
        };
        let Some(name) = types.function_name(type_id) else {
            return Ok(None);
        };
        let prototype = types.prototype(&name);
        return Ok(Some(ProgramFunction {
            program,
            number,
            type_id,
            name,
            prototype,
        }));
    }
    Ok(None)
}

/// A BPF program that somebody has loaded, with types of its own.
#[derive(Debug)]
pub struct LoadedProgram {
    /// Its id: later programs have higher ones.
    pub id: u32,
    /// `enum bpf_prog_type`.
    pub kind: u32,
    /// Its name, of which the kernel keeps 15 bytes.
    pub name: String,
    /// Where its functions begin.
    pub functions: Vec<Address>,
}

/// The programs with types that were loaded after the one with that id.
pub fn programs_after(id: u32) -> impl Iterator<Item = LoadedProgram> {
    ids_after(NEXT_PROGRAM, id).filter_map(|id| {
        let program = by_id(OPEN_PROGRAM, id).ok()?;
        // SAFETY: zero is a value of integers.
        let mut known: bpf_prog_info = unsafe { std::mem::zeroed() };
        // SAFETY: no pointer is set, and no count.
        unsafe { info(program.as_fd(), &mut known) }.ok()?;
        let functions = Functions::of(&program).ok()?;
        let name = known.name.map(c_char::cast_unsigned);
        let length = name.iter().position(|&byte| byte == 0)?;
        Some(LoadedProgram {
            id,
            kind: known.type_,
            name: String::from_utf8_lossy(&name[..length]).into_owned(),
            functions: functions
                .starts
                .into_iter()
                .zip(functions.types)
                .map(|(start, _)| Address(start))
                .collect(),
        })
    })
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
struct Functions {
    /// Where each begins in memory.
    starts: Vec<u64>,
    /// `struct bpf_func_info` of each: where it begins in the program, and its type id.
    types: Vec<[u32; 2]>,
    type_object: u32,
}

impl Functions {
    fn of(program: &OwnedFd) -> io::Result<Self> {
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
fn type_bytes(id: u32) -> io::Result<Vec<u8>> {
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
