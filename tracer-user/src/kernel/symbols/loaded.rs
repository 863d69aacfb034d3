//! The symbols of what comes and goes, read from the kernel's own lists: modules, the code that
//! ftrace makes, BPF programs and their trampolines.
//!
//! `/proc/kallsyms` has them after all of the kernel's own and cannot begin there. Where the lists
//! are is said by the kernel's symbols, what an element looks like by its types. Nothing holds the
//! lists still: an element may go while it is read. So they are walked a second time, and if a list
//! is not as it was, or anything in it cannot be, there is no answer, and the caller reads
//! `/proc/kallsyms`.
//!
//! Not here are the slots of kprobes (`__builtin__kprobes`), to which no name is ever given.

use super::Symbol;
use crate::kernel::{Address, btf::Types, kcore::CodeReader};

/// More than any machine has loaded.
const MOST_ELEMENTS: usize = 1 << 16;
/// The longest name of a symbol (KSYM_NAME_LEN), bytes.
const LONGEST_NAME: usize = 512;
/// Room for a module's name (MODULE_NAME_LEN), bytes.
const MODULE_NAME: usize = 56;
/// More symbols than any module has.
const MOST_SYMBOLS: u32 = 1 << 20;
/// Size of an `Elf64_Sym`, bytes.
const ELF_SYMBOL: usize = 24;
/// A module that is being set up (MODULE_STATE_UNFORMED).
const UNFORMED: u32 = 3;
/// Where the kernel's half of the address space begins.
const KERNEL_HALF: u64 = 1 << 63;

/// Symbols under way: the names, one a line, and what points into them.
pub(super) struct Names {
    pub(super) text: Vec<u8>,
    pub(super) symbols: Vec<Symbol>,
}

impl Names {
    fn address_of(&self, name: &[u8]) -> Option<u64> {
        let is_it = |symbol: &&Symbol| symbol.name_in(&self.text) == name;
        self.symbols.iter().find(is_it).map(|symbol| symbol.address)
    }

    fn add(&mut self, address: u64, is_function: bool, name: &[u8], module: &[u8]) -> Option<()> {
        let is_good = |name: &[u8]| !name.is_empty() && name.iter().all(u8::is_ascii_graphic);
        if !is_good(name) || !is_good(module) {
            return None;
        }
        if super::is_passed_over(name) {
            return Some(());
        }
        self.symbols.push(Symbol {
            address,
            name: u32::try_from(self.text.len()).ok()?,
            name_length: u16::try_from(name.len()).ok()?,
            is_function,
        });
        for part in [name, b"\t[", module, b"]\n"] {
            self.text.extend_from_slice(part);
        }
        Some(())
    }
}

/// What it takes to read the lists.
#[derive(Clone, Copy)]
pub(super) struct Lists<'a> {
    pub(super) types: &'a Types,
    pub(super) read: CodeReader<'a>,
}

impl Lists<'_> {
    /// Appends all, in the order of `/proc/kallsyms`.
    pub(super) fn append(self, names: &mut Names) -> Option<()> {
        let all = [
            ("modules", "module", "list"),
            ("ftrace_ops_trampoline_list", "ftrace_ops", "list"),
            ("bpf_kallsyms", "bpf_ksym", "lnode"),
        ];
        for (list, structure, link) in all {
            let head = names.address_of(list.as_bytes())?;
            let link = self.types.member_offset(structure, link)?;
            let elements = self.walk(head)?;
            for element in &elements {
                let element = element.wrapping_sub(link);
                match structure {
                    "module" => self.module(element, names)?,
                    "ftrace_ops" => {
                        let start = self.long(element, structure, "trampoline")?;
                        names.add(start, true, b"ftrace_trampoline", b"__builtin__ftrace")?;
                    }
                    _ => self.program(element, names)?,
                }
            }
            if self.walk(head)? != elements {
                return None;
            }
        }
        Some(())
    }

    /// The links of a list.
    fn walk(self, head: u64) -> Option<Vec<u64>> {
        let mut links = Vec::new();
        let mut next = self.long_at(head)?;
        while next != head {
            if links.len() == MOST_ELEMENTS || next < KERNEL_HALF {
                return None;
            }
            links.push(next);
            next = self.long_at(next)?;
        }
        Some(links)
    }

    fn program(self, element: u64, names: &mut Names) -> Option<()> {
        let start = self.long(element, "bpf_ksym", "start")?;
        let name = self.string(element + self.types.member_offset("bpf_ksym", "name")?)?;
        (start >= KERNEL_HALF).then_some(())?;
        names.add(start, true, &name, b"bpf")
    }

    fn module(self, element: u64, names: &mut Names) -> Option<()> {
        let state = self.types.member_offset("module", "state")?;
        if self.word_at(element + state)? == UNFORMED {
            return Some(());
        }
        let module = self.types.member_offset("module", "name")?;
        let module = until_zero(self.bytes(element + module, MODULE_NAME)?);
        let table = self.long(element, "module", "kallsyms")?;
        let count = self.types.member_offset("mod_kallsyms", "num_symtab")?;
        let count = self.word_at(table + count)?;
        if count > MOST_SYMBOLS {
            return None;
        }
        let count = count as usize;
        let pointer = |member| self.long(table, "mod_kallsyms", member);
        let symbols = self.bytes(pointer("symtab")?, count * ELF_SYMBOL)?;
        let kinds = self.bytes(pointer("typetab")?, count)?;
        let (symbols, _) = symbols.as_chunks::<ELF_SYMBOL>();
        let symbols = symbols.iter().map(|symbol| {
            let [name, _, low, high, ..] = symbol.as_chunks::<4>().0 else {
                return (0, 0);
            };
            let [name, low, high] = [name, low, high].map(|word| u32::from_ne_bytes(*word));
            (name as usize, u64::from(high) << 32 | u64::from(low))
        });
        let longest = symbols.clone().map(|(name, _)| name).max().unwrap_or(0);
        let strings = self.bytes(pointer("strtab")?, longest.min(1 << 24) + LONGEST_NAME)?;
        for ((name, address), kind) in symbols.zip(kinds) {
            let name = until_zero(strings.get(name..)?.iter().copied().take(LONGEST_NAME));
            if !name.is_empty() {
                names.add(address, super::is_function(kind), &name, &module)?;
            }
        }
        Some(())
    }

    fn long(self, element: u64, structure: &str, member: &str) -> Option<u64> {
        self.long_at(element.wrapping_add(self.types.member_offset(structure, member)?))
    }

    fn long_at(self, place: u64) -> Option<u64> {
        Some(u64::from_ne_bytes(*self.bytes(place, 8)?.first_chunk()?))
    }

    fn word_at(self, place: u64) -> Option<u32> {
        Some(u32::from_ne_bytes(*self.bytes(place, 4)?.first_chunk()?))
    }

    fn string(self, place: u64) -> Option<Vec<u8>> {
        Some(until_zero(self.bytes(place, LONGEST_NAME)?))
    }

    fn bytes(self, place: u64, length: usize) -> Option<Vec<u8>> {
        let bytes = (self.read)(Address(place), length).ok()?;
        (bytes.len() == length).then_some(bytes)
    }
}

fn until_zero(bytes: impl IntoIterator<Item = u8>) -> Vec<u8> {
    bytes.into_iter().take_while(|byte| *byte != 0).collect()
}

#[cfg(test)]
mod tests;
