//! The functions that ftrace can trace, each with the address by which the kernel knows it.
//!
//! A name is not enough: two functions of one name may be there of which one is `notrace`, and a
//! link to forty thousand functions goes by addresses. The address is that of the call to
//! `__fentry__`, which stands at the function's start or after its `endbr64`.
//!
//! Three sources say the same, and the first that answers is taken. ftrace's own records lie in the
//! kernel's memory as an array for each page: reading them costs next to nothing, and ftrace's
//! count says whether all were seen. `available_filter_functions_addrs` (6.5+) costs half a second
//! of an emulated machine: for each line the kernel looks up a name, and for each page it goes
//! through all before. `available_filter_functions` has names only: where several functions have
//! one, the machine code tells which begin with a place to patch.

use crate::arch::code;

use super::{
    Address,
    btf::Types,
    kcore::CodeReader,
    symbols::Symbols,
    tracefs::{Tracefs, TracefsError},
};

/// The file with addresses and names.
const WITH_ADDRESSES: &str = "available_filter_functions_addrs";
/// More than ftrace ever has.
const MOST_RECORDS: u64 = 1 << 22;

/// A function that ftrace can trace.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Traceable {
    /// Where ftrace patches it: what a link by address takes with the fewest look-ups.
    pub address: Address,
    /// Its first byte.
    pub function: Address,
}

/// All of them, by address.
#[derive(Debug, Default)]
pub struct TraceableFunctions(Vec<Traceable>);

impl TraceableFunctions {
    /// Asks the running kernel. `read` gives its memory, where that can be read.
    pub fn of_kernel(
        symbols: &Symbols,
        types: &Types,
        read: Option<CodeReader<'_>>,
    ) -> Result<Self, TracefsError> {
        if let Some(all) = read.and_then(|read| Self::from_records(symbols, types, read)) {
            return Ok(all);
        }
        let tracefs = Tracefs::open()?;
        if tracefs.path(WITH_ADDRESSES).exists() {
            let text = tracefs.read(WITH_ADDRESSES)?;
            return Self::from_addresses(symbols, &text)
                .map_err(|line| tracefs.malformed(WITH_ADDRESSES, &line));
        }
        let names = tracefs.traceable_names()?;
        Ok(Self::from_names(symbols, names.names(), read))
    }

    /// Those of ftrace's records (`struct ftrace_page`, kernel/trace/ftrace.c); none if they cannot
    /// be read, or are not as many as ftrace counts.
    pub fn from_records(symbols: &Symbols, types: &Types, read: CodeReader<'_>) -> Option<Self> {
        let long_at = |place: Address| long(&read(place, 8).ok()?, 0);
        let member = |structure, name| types.member_offset(structure, name);
        let [next, records, index] =
            ["next", "records", "index"].map(|name| member("ftrace_page", name));
        let (next, records, index) = (next?, records?, index?);
        let ip = usize::try_from(member("dyn_ftrace", "ip")?).ok()?;
        let size = types.size_of("dyn_ftrace").filter(|size| *size >= 8)? as usize;
        let expected = long_at(symbols.address_of("ftrace_update_tot_cnt")?)?;
        let mut page = long_at(symbols.address_of("ftrace_pages_start")?)?;
        let mut addresses = Vec::new();
        let mut seen = 0;
        while page != 0 {
            let place = Address(page);
            let count = long_at(place.plus(index))? & u64::from(u32::MAX);
            seen += count;
            if seen > expected.min(MOST_RECORDS) {
                return None;
            }
            let length = usize::try_from(count).ok()? * size;
            let bytes = read(Address(long_at(place.plus(records))?), length).ok()?;
            for record in bytes.chunks_exact(size) {
                addresses.push(Address(long(record, ip)?));
            }
            page = long_at(place.plus(next))?;
        }
        (seen == expected && addresses.len() as u64 == seen).then(|| Self::at(symbols, addresses))
    }

    /// Those of the file with addresses: `ffffffff81000004 name [module]`. The error is the line
    /// that is not understood.
    pub fn from_addresses(symbols: &Symbols, text: &[u8]) -> Result<Self, String> {
        let lines = text.split(|byte| *byte == b'\n');
        let addresses = lines.filter(|line| !line.is_empty()).map(|line| {
            leading_address(line)
                .ok_or_else(|| String::from_utf8_lossy(&line[..line.len().min(80)]).into_owned())
        });
        Ok(Self::at(symbols, addresses.collect::<Result<_, _>>()?))
    }

    /// Those that are known by name. Of several of one name those whose machine code begins with a
    /// place to patch; none of them where it cannot be read.
    pub fn from_names<'a>(
        symbols: &Symbols,
        names: impl Iterator<Item = &'a str>,
        read: Option<CodeReader<'_>>,
    ) -> Self {
        let mut all = Vec::new();
        for name in names {
            let functions: Vec<Address> = symbols.functions_named(name).collect();
            let is_one = functions.len() == 1;
            all.extend(functions.into_iter().filter_map(|function| {
                let place = patchable_at(function, read);
                let address = place.or_else(|| is_one.then_some(function))?;
                Some(Traceable { address, function })
            }));
        }
        Self::sorted(all)
    }

    /// Those whose address is where a function begins, or after its landing pad. Where it is not,
    /// ftrace found a weak function that was replaced, and never traces it.
    fn at(symbols: &Symbols, mut addresses: Vec<Address>) -> Self {
        addresses.sort_unstable();
        let starts = symbols.starts_of(&addresses);
        Self::sorted(
            starts
                .map(|(address, function)| Traceable { address, function })
                .collect(),
        )
    }

    fn sorted(mut all: Vec<Traceable>) -> Self {
        all.sort_unstable();
        all.dedup_by_key(|traceable| traceable.function);
        Self(all)
    }

    /// All, by address.
    pub fn all(&self) -> &[Traceable] {
        &self.0
    }

    /// The one that begins at `address`, or that ftrace patches there.
    pub fn at_address(&self, address: Address) -> Option<Traceable> {
        let next = self.0.partition_point(|known| known.function <= address);
        let known = *self.0.get(next.checked_sub(1)?)?;
        (known.function == address || known.address == address).then_some(known)
    }
}

/// Where ftrace patches the function that begins there, if its text can be read and says so.
fn patchable_at(function: Address, read: Option<CodeReader<'_>>) -> Option<Address> {
    let place = code::patchable_place(&read?(function, code::ENTRY_BYTES).ok()?)?;
    Some(function.plus(place as u64))
}

fn long(bytes: &[u8], place: usize) -> Option<u64> {
    Some(u64::from_ne_bytes(*bytes.get(place..)?.first_chunk()?))
}

/// The address that a line begins with.
fn leading_address(line: &[u8]) -> Option<Address> {
    let (digits, rest) = line.split_at_checked(16)?;
    let digits = str::from_utf8(digits).ok()?;
    let [b' ', _, ..] = rest else { return None };
    u64::from_str_radix(digits, 16).ok().map(Address)
}

#[cfg(test)]
mod tests;
