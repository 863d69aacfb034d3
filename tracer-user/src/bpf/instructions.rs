//! The instructions of programs that aya does not load itself.
//!
//! aya keeps what it parsed to itself, so the object is parsed once more, and its maps are those
//! that aya has made: the same tables serve all programs.

use std::{
    collections::HashMap,
    os::fd::{AsFd as _, AsRawFd as _, OwnedFd},
    sync::{Arc, OnceLock},
};

use aya::{
    Ebpf, EbpfError,
    maps::{Map, MapData},
};
use aya_obj::generated::{BPF_CALL, BPF_JMP, BPF_PSEUDO_KFUNC_CALL, bpf_insn};
use thiserror::Error;

use super::function_types::{FunctionTypes, load_types};

/// Why there are no instructions.
#[derive(Debug, Error)]
pub enum InstructionsError {
    /// The object cannot be parsed.
    #[error(transparent)]
    Object(#[from] EbpfError),
    /// It has no such program.
    #[error("the eBPF object has no {0}")]
    Missing(&'static str),
}

/// The programs of the object by name, with the maps of a loaded one.
#[derive(Clone)]
pub struct Instructions {
    object: aya_obj::Object,
    /// Its types in the kernel, once a program needs them; none if the kernel does not take them.
    types: OnceLock<Option<Arc<OwnedFd>>>,
}

impl Instructions {
    /// Parses the object.
    pub fn new(object: &[u8], ebpf: &Ebpf) -> Result<Self, InstructionsError> {
        let mut object = aya_obj::Object::parse(object).map_err(EbpfError::from)?;
        let maps: Vec<(String, i32, aya_obj::Map)> = object
            .maps
            .iter()
            .filter_map(|(name, map)| {
                let data = data(ebpf.map(name)?)?;
                Some((name.clone(), data.fd().as_fd().as_raw_fd(), map.clone()))
            })
            .collect();
        let text = object
            .functions
            .keys()
            .map(|(section, _)| *section)
            .collect();
        object
            .relocate_maps(
                maps.iter().map(|(name, fd, map)| (name.as_str(), *fd, map)),
                &text,
            )
            .and_then(|()| object.relocate_calls(&text))
            .map_err(EbpfError::from)?;
        Ok(Self {
            object,
            types: OnceLock::new(),
        })
    }

    /// Those of one program. Calls of helpers with the numbers in `kernel_functions` become calls
    /// of the kernel's functions with these type ids.
    pub fn of(
        &self,
        program: &'static str,
        kernel_functions: &HashMap<i32, u32>,
    ) -> Result<Vec<bpf_insn>, InstructionsError> {
        let function = self.function(program);
        let function = function.ok_or(InstructionsError::Missing(program))?;
        let mut instructions = function.instructions.clone();
        for instruction in &mut instructions {
            if is_helper_call(*instruction)
                && let Some(id) = kernel_functions.get(&instruction.imm)
            {
                instruction.set_src_reg(PSEUDO_KFUNC_CALL);
                instruction.imm = id.cast_signed();
            }
        }
        Ok(instructions)
    }

    /// The types of a program's functions; none if the kernel does not take them.
    pub fn function_types(&self, program: &str) -> Option<FunctionTypes> {
        let types = self.types.get_or_init(|| self.load_types());
        let types = Arc::clone(types.as_ref()?);
        Some(FunctionTypes::of(self.function(program)?, types))
    }

    fn load_types(&self) -> Option<Arc<OwnedFd>> {
        let mut object = self.object.clone();
        let types = object
            .fixup_and_sanitize_btf(aya::features().btf()?)
            .ok()??;
        let loaded = load_types(&types.to_bytes()).inspect_err(|error| {
            log::debug!("the types of the eBPF object do not load: {error}");
        });
        loaded.ok().map(Arc::new)
    }

    /// A program with all that it calls.
    fn function(&self, program: &str) -> Option<&aya_obj::Function> {
        let found = self.object.programs.get(program)?;
        self.object.functions.get(&found.function_key())
    }
}

#[allow(clippy::cast_possible_truncation)]
const PSEUDO_KFUNC_CALL: u8 = BPF_PSEUDO_KFUNC_CALL as u8;

fn is_helper_call(instruction: bpf_insn) -> bool {
    u32::from(instruction.code) == BPF_JMP | BPF_CALL && instruction.src_reg() == 0
}

/// The map behind aya's types, of those that the object has.
fn data(map: &Map) -> Option<&MapData> {
    match map {
        Map::Array(data) | Map::ArrayOfMaps(data) | Map::RingBuf(data) => Some(data),
        _ => None,
    }
}
