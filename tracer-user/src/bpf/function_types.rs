//! The types of a program's functions, which let the verifier look at each of them once.
//!
//! Without them it follows every call into the function again, with what the caller knows. With
//! them a function that the object exports (`BTF_FUNC_GLOBAL`) is checked by itself, by the types
//! of what it takes (`do_check_subprogs`, kernel/bpf/verifier.c). Up to 6.7 that is done for each
//! program that holds the function, called or not, so only programs that need it get types.

use std::{
    cell::Cell,
    io,
    os::fd::{AsRawFd as _, OwnedFd},
    sync::Arc,
};

use aya_obj::{Function, generated::bpf_func_info};

use super::syscall::open;

/// `BPF_BTF_LOAD`.
const BTF_LOAD: libc::c_long = 18;

#[repr(C)]
#[derive(Default)]
struct BtfAttributes {
    types: u64,
    log: u64,
    bytes: u32,
    log_bytes: u32,
    log_level: u32,
    /// The kernel writes here how long its words are (btf_parse, kernel/bpf/btf.c; 6.4 and later).
    log_true_bytes: Cell<u32>,
}

/// The object's types in the kernel.
pub fn load_types(types: &[u8]) -> io::Result<OwnedFd> {
    let attributes = BtfAttributes {
        types: types.as_ptr() as u64,
        bytes: u32::try_from(types.len()).unwrap_or(u32::MAX),
        ..BtfAttributes::default()
    };
    // SAFETY: the bytes outlive the call, and the field that it writes is a cell.
    unsafe { open(BTF_LOAD, &attributes) }
}

/// The types of the functions of one program.
#[derive(Clone)]
pub struct FunctionTypes {
    types: Arc<OwnedFd>,
    records: Vec<bpf_func_info>,
}

impl FunctionTypes {
    /// Those of a program whose functions are all linked into it.
    pub fn of(program: &Function, types: Arc<OwnedFd>) -> Self {
        Self {
            types,
            records: program.func_info.func_info.clone(),
        }
    }

    /// What `BPF_PROG_LOAD` wants to know: a descriptor of the types, the bytes of a record, where
    /// the records are, and how many.
    pub(super) fn attributes(&self) -> (u32, u32, u64, u32) {
        (
            self.types.as_raw_fd().cast_unsigned(),
            u32::try_from(size_of::<bpf_func_info>()).unwrap_or_default(),
            self.records.as_ptr() as u64,
            u32::try_from(self.records.len()).unwrap_or_default(),
        )
    }
}
