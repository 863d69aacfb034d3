//! BPF programs that somebody has loaded, as far as they have types: their functions, and what
//! those take and return.
//!
//! A probe on such a function needs the program's descriptor. Programs come and go, so nothing is
//! kept here.

use std::{
    io,
    os::fd::{AsFd as _, OwnedFd},
};

use super::{
    Address,
    btf::{Prototype, Types},
};
use crate::bpf::{
    self,
    objects::{self, Functions, type_bytes},
};

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
    for (_, program) in objects::programs_after(0) {
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
    objects::programs_after(id).filter_map(|(id, program)| {
        let known = bpf::program_info(program.as_fd()).ok()?;
        let functions = Functions::of(&program).ok()?;
        // C's characters are signed on some processors and not on others.
        let name = known.name.map(|byte| byte.to_ne_bytes()[0]);
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
