//! The kernel's symbols, from `/proc/kallsyms`: addresses of names and names of addresses.
//!
//! The file is read once, a hundred and fifty thousand lines and more, so the text itself is kept
//! as the store of names, and a symbol is sixteen bytes that point into it. The order of lines
//! is kept for names that stand more than once and for symbols that share an address: the first is
//! the one that the kernel itself picks (get_symbol_pos and kallsyms_lookup_name,
//! kernel/kallsyms.c), hence the one that ftrace prints and BPF attaches to.
//!
//! Where the kernel's memory can be read, the same symbols are taken from there instead, in the
//! same order ([`table`], [`loaded`]): the kernel needs half a second of an emulated machine to
//! print the file ([`kallsyms`]).

mod error;
mod kallsyms;
mod loaded;
mod table;

use super::{Address, btf::Types, kcore::KernelCode, names::NameIndex};
use crate::arch::PROBE_OFFSETS;
pub use error::SymbolsError;
pub(super) use kallsyms::KALLSYMS;
use loaded::{Lists, Names};
use table::Table;

/// No function is taken to be longer than this, bytes: the last one of a module is followed by a
/// gap that is not its own.
const LONGEST_FUNCTION: u64 = 1 << 18;

/// A function of the kernel, of a module, or of a BPF program.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Function<'a> {
    /// Its name; a BPF program's is `bpf_prog_<tag>_<name>`.
    pub name: &'a str,
    /// Its first byte.
    pub start: Address,
    /// The byte after its last one; padding up to the next function counts as its own.
    pub end: Address,
    /// The module it belongs to, if any; `bpf` for BPF programs.
    pub module: Option<&'a str>,
}

impl Function<'_> {
    /// Its name as the kernel prints it (`%ps`, lib/vsprintf.c): that of a module's function says
    /// so after it.
    pub fn shown(&self) -> String {
        match self.module {
            Some(module) => format!("{} [{module}]", self.name),
            None => self.name.to_owned(),
        }
    }
}

/// All symbols, in the order of the file.
#[derive(Debug)]
pub struct Symbols {
    text: Vec<u8>,
    all: Vec<Symbol>,
    /// Positions in `all` of the functions, by address and then by the order of the file.
    functions: Vec<u32>,
    index: NameIndex,
}

#[derive(Clone, Copy, Debug)]
struct Symbol {
    address: u64,
    /// Where the name starts in the text.
    name: u32,
    name_length: u16,
    is_function: bool,
}

impl Symbols {
    /// Reads the running kernel's symbols from its memory, or from the file where that does not
    /// serve.
    pub fn of_kernel(text: Option<&KernelCode>, types: &Types) -> Result<Self, SymbolsError> {
        if kallsyms::are_excluded()? {
            return Err(SymbolsError::Hidden);
        }
        match text.and_then(|text| Self::from_memory(text, types)) {
            Some(symbols) => Ok(symbols),
            None => Self::read(),
        }
    }

    /// Reads the running kernel's symbols from its memory, without the file.
    pub fn from_memory(text: &KernelCode, types: &Types) -> Option<Self> {
        let read = |start: Address, length: usize| text.read(start, length);
        let table = Table::read(&|symbol| text.announced(symbol), &read)?;
        let (text, symbols) = table.decode()?;
        let mut names = Names { text, symbols };
        let lists = Lists { types, read: &read };
        lists.append(&mut names)?;
        Some(Self::of(names.text, names.symbols))
    }

    /// Reads the running kernel's symbols from the file. Takes some ten milliseconds.
    pub fn read() -> Result<Self, SymbolsError> {
        Self::from_bytes(kallsyms::read()?)
    }

    /// Reads symbols from text in the form of `/proc/kallsyms`.
    pub fn parse(text: &str) -> Result<Self, SymbolsError> {
        Self::from_bytes(text.as_bytes().to_vec())
    }

    fn from_bytes(text: Vec<u8>) -> Result<Self, SymbolsError> {
        let symbols = kallsyms::symbols(&text)?;
        Ok(Self::of(text, symbols))
    }

    /// The text has the names, each with `\t[module]` after it if it is of one.
    fn of(text: Vec<u8>, symbols: Vec<Symbol>) -> Self {
        let mut functions: Vec<u32> = (0u32..)
            .zip(&symbols)
            .filter(|(_, symbol)| symbol.is_function)
            .map(|(number, _)| number)
            .collect();
        // Stable, and nearly sorted: the kernel's own symbols come by address.
        functions.sort_by_key(|number| symbols[*number as usize].address);
        let index = NameIndex::build(symbols.iter().map(|symbol| symbol.name_in(&text)));
        Self {
            text,
            all: symbols,
            functions,
            index,
        }
    }

    /// The address of the first symbol of that name, function or data: the one that the kernel's
    /// own look-up finds.
    pub fn address_of(&self, name: &str) -> Option<Address> {
        self.addresses_of(name).next()
    }

    /// The addresses of all symbols of that name, in the order of the file.
    pub fn addresses_of<'a>(&'a self, name: &'a str) -> impl Iterator<Item = Address> + 'a {
        self.named(name).map(|symbol| Address(symbol.address))
    }

    /// Whether exactly one symbol of a module, or of the kernel proper, has that name, so that the
    /// name says which function is meant.
    pub fn is_unique_in(&self, name: &str, module: Option<&str>) -> bool {
        let here = |symbol: &&Symbol| self.module_of(symbol) == module;
        self.named(name).filter(here).take(2).count() == 1
    }

    /// The function that `address` lies in: the last one that starts at or below it.
    pub fn function_at(&self, address: Address) -> Option<Function<'_>> {
        let above = self.first_above(address.0);
        let start = self.address_at(above.checked_sub(1)?)?;
        // Of those that share the address, the first.
        let first = self
            .functions
            .partition_point(|number| self.all[*number as usize].address < start);
        let function = self.function(first)?;
        (address < function.end).then_some(function)
    }

    /// All names of the function that starts at `start`, in the order of the file: the kernel's
    /// text has aliases, such as `__do_sys_getpid` and `__x64_sys_getpid`.
    pub fn names_at(&self, start: Address) -> impl Iterator<Item = &str> {
        let first = self
            .functions
            .partition_point(|number| self.all[*number as usize].address < start.0);
        self.functions[first..]
            .iter()
            .map(|number| &self.all[*number as usize])
            .take_while(move |symbol| symbol.address == start.0)
            .map(|symbol| str::from_utf8(symbol.name_in(&self.text)).unwrap_or_default())
    }

    /// The first function of that name.
    pub fn function_named(&self, name: &str) -> Option<Function<'_>> {
        let symbol = self.named(name).find(|symbol| symbol.is_function)?;
        Some(self.describe(symbol))
    }

    /// Where the functions of that name begin, each once.
    pub fn functions_named<'a>(&'a self, name: &'a str) -> impl Iterator<Item = Address> + 'a {
        let functions = self.named(name).filter(|symbol| symbol.is_function);
        functions.map(|symbol| Address(symbol.address))
    }

    /// The functions that begin at `addresses`, which ascend, or that have their landing pad before
    /// one; not those of BPF, which is not ftrace's. Each with the function's first byte after it.
    /// One pass over both.
    pub(super) fn starts_of(
        &self,
        addresses: &[Address],
    ) -> impl Iterator<Item = (Address, Address)> {
        let mut next = 0;
        addresses.iter().filter_map(move |&address| {
            while self
                .address_at(next)
                .is_some_and(|start| start <= address.0)
            {
                next += 1;
            }
            let symbol = &self.all[*self.functions.get(next.checked_sub(1)?)? as usize];
            let offset = address.0 - symbol.address;
            let is_start = PROBE_OFFSETS.contains(&offset);
            (is_start && self.module_of(symbol) != Some("bpf"))
                .then_some((address, Address(symbol.address)))
        })
    }

    /// All functions by address; several that share an address come one after the other.
    pub fn functions(&self) -> impl ExactSizeIterator<Item = Function<'_>> {
        self.functions
            .iter()
            .map(|number| self.describe(&self.all[*number as usize]))
    }

    fn named<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a Symbol> + 'a {
        self.index
            .candidates(name.as_bytes())
            .map(|number| &self.all[number as usize])
            .filter(|symbol| symbol.name_in(&self.text) == name.as_bytes())
    }

    /// The position in `functions` of the first that starts above `address`.
    fn first_above(&self, address: u64) -> usize {
        self.functions
            .partition_point(|number| self.all[*number as usize].address <= address)
    }

    fn address_at(&self, position: usize) -> Option<u64> {
        let number = *self.functions.get(position)?;
        Some(self.all[number as usize].address)
    }

    fn function(&self, position: usize) -> Option<Function<'_>> {
        let number = *self.functions.get(position)?;
        Some(self.describe(&self.all[number as usize]))
    }

    fn describe(&self, symbol: &Symbol) -> Function<'_> {
        let limit = symbol.address.saturating_add(LONGEST_FUNCTION);
        let next = self.address_at(self.first_above(symbol.address));
        Function {
            name: str::from_utf8(symbol.name_in(&self.text)).unwrap_or_default(),
            start: Address(symbol.address),
            end: Address(next.map_or(limit, |next| next.min(limit))),
            module: self.module_of(symbol),
        }
    }

    /// A module's name follows the symbol's: `name\t[module]`.
    fn module_of(&self, symbol: &Symbol) -> Option<&str> {
        let after = &self.text[symbol.name as usize + usize::from(symbol.name_length)..];
        let module = after.strip_prefix(b"\t[")?;
        let length = module.iter().position(|byte| *byte == b']')?;
        str::from_utf8(&module[..length]).ok()
    }
}

impl Symbol {
    fn name_in<'a>(&self, text: &'a [u8]) -> &'a [u8] {
        &text[self.name as usize..][..usize::from(self.name_length)]
    }
}

/// Whether a name is of no function, and is skipped: it is of the padding before one, or it says,
/// as compilers for arm64 do in modules, where code and data begin (`is_mapping_symbol`,
/// include/linux/module_symbol.h).
fn is_passed_over(name: &[u8]) -> bool {
    name.starts_with(b"__pfx_") || name.starts_with(b"$")
}

/// Whether a symbol of that type is a function.
const fn is_function(kind: u8) -> bool {
    matches!(kind, b't' | b'T' | b'w' | b'W')
}

#[cfg(test)]
mod tests;
