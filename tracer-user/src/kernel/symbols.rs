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
//! print the file.
//!
//! Skipped are the symbols that name no function, such as `__pfx_*`: the padding before one.

mod loaded;
mod table;

use std::{fs::File, io::Read, path::Path};

use super::{Address, btf::Types, kcore::KernelCode, names::NameIndex};
use crate::{
    arch::PROBE_OFFSETS,
    exit_code::{Exit, HasExit},
};
use loaded::{Lists, Names};
use table::Table;

pub(super) const KALLSYMS: &str = "/proc/kallsyms";

/// No function is taken to be longer than this, bytes: the last one of a module is followed by a
/// gap that is not its own.
const LONGEST_FUNCTION: u64 = 1 << 18;

/// Whether a name is of no function: it is of the padding before one, or it says, as compilers for
/// arm64 do in modules, where code and data begin (`is_mapping_symbol`,
/// include/linux/module_symbol.h).
fn is_passed_over(name: &[u8]) -> bool {
    name.starts_with(b"__pfx_") || name.starts_with(b"$")
}

/// Why there are no symbols.
#[derive(Debug, thiserror::Error)]
pub enum SymbolsError {
    /// The file cannot be read.
    #[error(
        "cannot read {KALLSYMS}: {0}; the kernel needs CONFIG_KALLSYMS and /proc must be mounted"
    )]
    Read(#[from] std::io::Error),
    /// Every address is zero, which is how the kernel hides them (kallsyms_show_value).
    #[error(
        "the kernel hides its addresses in {KALLSYMS}; run as root with CAP_SYSLOG, and if that is \
        so already, set kernel.kptr_restrict to 1"
    )]
    Hidden,
    /// A line is not what it should be.
    #[error("line {line} of {KALLSYMS} is not `address type name`; please report it with the line")]
    Malformed {
        /// Counted from 1.
        line: usize,
    },
    /// More than four GiB of text: not a list of symbols.
    #[error("{KALLSYMS} is larger than 4 GiB, which no kernel's symbol table is")]
    TooLarge,
}

impl HasExit for SymbolsError {
    /// The kernel hides its symbols from those who may not see them; what else is wrong with them
    /// is the kernel's.
    fn exit(&self) -> Option<Exit> {
        Some(match self {
            Self::Hidden => Exit::NotPermitted,
            Self::Read(error) if error.kind() == std::io::ErrorKind::PermissionDenied => {
                Exit::NotPermitted
            }
            Self::Read(_) | Self::Malformed { .. } | Self::TooLarge => Exit::Kernel,
        })
    }
}

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
        if is_excluded()? {
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
        // The kernel hands out a page at a time; room for all of it saves copying.
        let mut text = Vec::with_capacity(16 << 20);
        File::open(Path::new(KALLSYMS))?.read_to_end(&mut text)?;
        Self::from_bytes(text)
    }

    /// Reads symbols from text in the form of `/proc/kallsyms`.
    pub fn parse(text: &str) -> Result<Self, SymbolsError> {
        Self::from_bytes(text.as_bytes().to_vec())
    }

    fn from_bytes(text: Vec<u8>) -> Result<Self, SymbolsError> {
        if u32::try_from(text.len()).is_err() {
            return Err(SymbolsError::TooLarge);
        }
        let mut symbols = Vec::with_capacity(text.len() / 48);
        let mut hidden = true;
        let mut position = 0;
        let mut line = 0;
        while position < text.len() {
            line += 1;
            let (symbol, end) =
                parse_line(&text, position).ok_or(SymbolsError::Malformed { line })?;
            position = end + 1;
            hidden &= symbol.address == 0;
            let name = &text[symbol.name as usize..][..usize::from(symbol.name_length)];
            if !is_passed_over(name) {
                symbols.push(symbol);
            }
        }
        if hidden {
            return Err(SymbolsError::Hidden);
        }
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

/// Whether the kernel hides its addresses: what an administrator has switched off is not read in
/// another way. The first page has some symbols with an address other than 0, if there are any.
fn is_excluded() -> Result<bool, SymbolsError> {
    const DIGITS: usize = 16;
    let mut page = Vec::with_capacity(4096);
    File::open(KALLSYMS)?.take(4096).read_to_end(&mut page)?;
    let hides = |line: &[u8]| line.iter().take(DIGITS).all(|digit| *digit == b'0');
    Ok(page
        .split(|byte| *byte == b'\n')
        .filter(|line| line.len() > DIGITS)
        .all(hides))
}

/// Reads `address type name[\t[module]]` at `start`; also says where the line ends.
fn parse_line(text: &[u8], start: usize) -> Option<(Symbol, usize)> {
    let mut position = start;
    let mut address = 0u64;
    loop {
        let byte = *text.get(position)?;
        let digit = match byte {
            b'0'..=b'9' => byte - b'0',
            b'a'..=b'f' => byte - b'a' + 10,
            _ => break,
        };
        address = (address << 4) | u64::from(digit);
        position += 1;
    }
    if position == start || position - start > 16 {
        return None;
    }
    let [b' ', kind, b' '] = *text.get(position..position + 3)? else {
        return None;
    };
    let name = position + 3;
    let length = text[name..]
        .iter()
        .position(|byte| matches!(byte, b'\t' | b'\n'))
        .unwrap_or(text.len() - name);
    if length == 0 {
        return None;
    }
    let name_end = name + length;
    let line_end = match text.get(name_end) {
        Some(b'\t') => {
            let rest = text[name_end..].iter().position(|byte| *byte == b'\n');
            rest.map_or(text.len(), |rest| name_end + rest)
        }
        _ => name_end,
    };
    let symbol = Symbol {
        address,
        name: u32::try_from(name).ok()?,
        name_length: u16::try_from(length).ok()?,
        // No code stands at the last address: nothing would be after it.
        is_function: is_function(kind) && address < u64::MAX,
    };
    Some((symbol, line_end))
}

/// Whether a symbol of that type is a function.
const fn is_function(kind: u8) -> bool {
    matches!(kind, b't' | b'T' | b'w' | b'W')
}

#[cfg(test)]
mod tests;
