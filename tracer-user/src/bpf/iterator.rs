//! What an iterator of the kernel's has to say: a program that is run for each object of a kind,
//! and writes what is read.

use std::{
    fs::File,
    io::{self, Read as _},
    os::fd::{AsFd as _, AsRawFd as _, BorrowedFd, OwnedFd},
};

use aya_obj::generated::bpf_insn;

use super::{ITERATOR, load_iterator, syscall::open};

/// `BPF_LINK_CREATE` and `BPF_ITER_CREATE`.
const LINK_CREATE: libc::c_long = 28;
const ITERATOR_CREATE: libc::c_long = 33;

#[repr(C)]
struct Link {
    program: u32,
    target: u32,
    attach_type: u32,
    flags: u32,
}

#[repr(C)]
struct Iterator {
    link: u32,
    flags: u32,
}

/// All that a program writes for the objects of a kind, which is the type id of a function
/// `bpf_iter_*`.
pub fn read(name: &str, instructions: &[bpf_insn], kind: u32) -> io::Result<Vec<u8>> {
    let program = load_iterator(name, instructions, kind).map_err(|refusal| {
        let reason = refusal.reason();
        io::Error::new(refusal.error.kind(), reason)
    })?;
    let link = link(program.as_fd())?;
    let attributes = Iterator {
        link: link.as_raw_fd().cast_unsigned(),
        flags: 0,
    };
    // SAFETY: the attributes point to nothing.
    let iterator = unsafe { open(ITERATOR_CREATE, &attributes) }?;
    let mut bytes = Vec::new();
    File::from(iterator).read_to_end(&mut bytes)?;
    Ok(bytes)
}

fn link(program: BorrowedFd<'_>) -> io::Result<OwnedFd> {
    let attributes = Link {
        program: program.as_raw_fd().cast_unsigned(),
        target: 0,
        attach_type: ITERATOR,
        flags: 0,
    };
    // SAFETY: the attributes point to nothing.
    unsafe { open(LINK_CREATE, &attributes) }
}
