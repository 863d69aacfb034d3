//! tracefs: where it is, and which functions the kernel can trace.
//!
//! tracer does not trace through it; it asks it what ftrace knows (every function with a patchable
//! entry that is not `notrace`), and learns from it where BPF has no faster way (see `learning`).

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use nix::mount::{MsFlags, mount};

use super::{Address, names::NameIndex};

/// Where tracefs is mounted: the place of its own, and the older one below debugfs.
const PLACES: [&str; 2] = ["/sys/kernel/tracing", "/sys/kernel/debug/tracing"];

/// Why tracefs is of no use.
#[derive(Debug, thiserror::Error)]
pub enum TracefsError {
    /// It is not mounted and cannot be.
    #[error(
        "tracefs is not mounted and cannot be mounted: {0}; as root, run `mount -t tracefs nodev /sys/kernel/tracing`"
    )]
    NotMounted(nix::Error),
    /// The kernel has no function tracer.
    #[error(
        "this kernel has no function tracer ({0} is absent); use one built with CONFIG_FUNCTION_TRACER=y"
    )]
    NoFunctionTracer(PathBuf),
    /// One of its files cannot be read or written.
    #[error("cannot {action} {path}: {error}; run as root, and without lockdown=confidentiality")]
    File {
        /// What was tried.
        action: &'static str,
        /// On which file.
        path: PathBuf,
        /// Why it failed.
        error: io::Error,
    },
    /// One of its files says something that is not understood.
    #[error("{path} holds something unexpected: {content:?}; please report it")]
    Malformed {
        /// Which.
        path: PathBuf,
        /// What it says, shortened.
        content: String,
    },
}

/// A mounted tracefs, or an instance within it: a directory of files that are switches.
#[derive(Clone, Debug)]
pub struct Tracefs {
    root: PathBuf,
}

impl Tracefs {
    /// Finds tracefs, and mounts it at its usual place where it is not mounted yet, as every tool
    /// that traces does.
    pub fn open() -> Result<Self, TracefsError> {
        if let Some(root) = Self::mounted() {
            return Ok(Self { root });
        }
        mount(
            Some("nodev"),
            PLACES[0],
            Some("tracefs"),
            MsFlags::empty(),
            None::<&Path>,
        )
        .map_err(TracefsError::NotMounted)?;
        let root = PathBuf::from(PLACES[0]);
        Ok(Self { root })
    }

    fn mounted() -> Option<PathBuf> {
        PLACES
            .iter()
            .map(PathBuf::from)
            .find(|place| place.join("trace").exists())
    }

    /// The same switches in a directory below.
    pub(super) fn below(&self, directory: &str) -> Self {
        Self {
            root: self.root.join(directory),
        }
    }

    /// The path of a file, or of the directory itself for an empty name.
    pub fn path(&self, file: &str) -> PathBuf {
        self.root.join(file)
    }

    /// Reads a whole file.
    pub(super) fn read(&self, file: &str) -> Result<Vec<u8>, TracefsError> {
        let path = self.path(file);
        fs::read(&path).map_err(|error| TracefsError::File {
            action: "read",
            path,
            error,
        })
    }

    /// Sets a switch, replacing what it held.
    pub(super) fn write(&self, file: &str, value: &str) -> Result<(), TracefsError> {
        let path = self.path(file);
        fs::write(&path, value).map_err(|error| TracefsError::File {
            action: "write to",
            path,
            error,
        })
    }

    /// The functions that ftrace can trace. Takes some tens of milliseconds: the kernel looks up
    /// the name of each.
    pub fn traceable(&self) -> Result<TraceableFunctions, TracefsError> {
        // With addresses since 6.5.
        let with_addresses = "available_filter_functions_addrs";
        let names_only = "available_filter_functions";
        for file in [with_addresses, names_only] {
            if self.path(file).exists() {
                let text = self.read(file)?;
                return TraceableFunctions::from_bytes(text, file == with_addresses).map_err(
                    |content| TracefsError::Malformed {
                        path: self.path(file),
                        content,
                    },
                );
            }
        }
        Err(TracefsError::NoFunctionTracer(self.path(names_only)))
    }
}

/// The functions that ftrace can trace.
#[derive(Debug)]
pub struct TraceableFunctions {
    text: Vec<u8>,
    functions: Vec<Traceable>,
    index: NameIndex,
}

#[derive(Clone, Copy, Debug)]
struct Traceable {
    /// 0 where the kernel does not tell.
    address: u64,
    name: u32,
    name_length: u32,
}

impl TraceableFunctions {
    /// Reads the text of `available_filter_functions`: a name a line, with the module in brackets.
    pub fn parse(text: &str) -> Option<Self> {
        Self::from_bytes(text.as_bytes().to_vec(), false).ok()
    }

    /// Reads the text of `available_filter_functions_addrs`: each line starts with an address.
    pub fn parse_with_addresses(text: &str) -> Option<Self> {
        Self::from_bytes(text.as_bytes().to_vec(), true).ok()
    }

    /// The error is the line that is not understood.
    fn from_bytes(text: Vec<u8>, with_addresses: bool) -> Result<Self, String> {
        let mut functions = Vec::with_capacity(text.len() / 24);
        let mut position = 0;
        for line in text.split(|byte| *byte == b'\n') {
            let start = position;
            position += line.len() + 1;
            if line.is_empty() {
                continue;
            }
            let function = parse_line(line, start, with_addresses)
                .ok_or_else(|| String::from_utf8_lossy(&line[..line.len().min(80)]).into_owned())?;
            functions.push(function);
        }
        let index = NameIndex::build(functions.iter().map(|function| function.name_in(&text)));
        Ok(Self {
            text,
            functions,
            index,
        })
    }

    /// Whether a function of that name can be traced.
    pub fn contains(&self, name: &str) -> bool {
        self.index
            .candidates(name.as_bytes())
            .any(|number| self.functions[number as usize].name_in(&self.text) == name.as_bytes())
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.functions.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.functions.is_empty()
    }

    /// All names in the order of the file, with the module's brackets left out; a name may come
    /// twice.
    pub fn names(&self) -> impl ExactSizeIterator<Item = &str> {
        self.functions
            .iter()
            .map(|function| str::from_utf8(function.name_in(&self.text)).unwrap_or_default())
    }

    /// The addresses of all, where the kernel tells (6.5 on). They are those of the patched call,
    /// which sits up to four bytes (`endbr64`) behind the function's first byte:
    /// `Symbols::function_at` finds the function.
    pub fn addresses(&self) -> Option<impl ExactSizeIterator<Item = Address>> {
        let known = self.functions.first()?.address != 0;
        known.then(|| {
            self.functions
                .iter()
                .map(|function| Address(function.address))
        })
    }
}

impl Traceable {
    fn name_in<'a>(&self, text: &'a [u8]) -> &'a [u8] {
        &text[self.name as usize..][..self.name_length as usize]
    }
}

/// Reads `[address ]name[ [module]]`; `start` is where the line stands in the text.
fn parse_line(line: &[u8], start: usize, with_address: bool) -> Option<Traceable> {
    let mut words = line.split(|byte| *byte == b' ');
    let mut before = 0;
    let mut address = 0;
    if with_address {
        let digits = words.next()?;
        before = digits.len() + 1;
        address = u64::from_str_radix(str::from_utf8(digits).ok()?, 16).ok()?;
    }
    let name = words.next()?;
    if name.is_empty() {
        return None;
    }
    Some(Traceable {
        address,
        name: u32::try_from(start + before).ok()?,
        name_length: u32::try_from(name.len()).ok()?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn names_are_found_without_their_modules() {
        let list = "__sys_sendto\nnf_hook [nf_tables]\n__sys_sendto\n";
        let traceable = TraceableFunctions::parse(list).unwrap();
        assert_eq!(traceable.len(), 3);
        assert!(traceable.contains("nf_hook"));
        assert!(traceable.contains("__sys_sendto"));
        assert!(!traceable.contains("[nf_tables]"));
        assert!(!traceable.contains("nf"));
        assert!(traceable.addresses().is_none());
        let names: Vec<&str> = traceable.names().collect();
        assert_eq!(names, ["__sys_sendto", "nf_hook", "__sys_sendto"]);
    }

    #[test]
    fn addresses_are_read_where_they_are() {
        let list = "ffffffff81000014 do_one_initcall\nffffffffc0a00004 nf_hook [nf_tables]\n";
        let traceable = TraceableFunctions::parse_with_addresses(list).unwrap();
        assert!(traceable.contains("nf_hook"));
        let addresses: Vec<u64> = traceable.addresses().unwrap().map(|at| at.0).collect();
        assert_eq!(addresses, [0xffff_ffff_8100_0014, 0xffff_ffff_c0a0_0004]);
        assert!(TraceableFunctions::parse_with_addresses("name\n").is_none());
    }

    proptest! {
        #[test]
        fn never_panics(text in "\\PC*") {
            let _ = TraceableFunctions::parse(&text);
            let _ = TraceableFunctions::parse_with_addresses(&text);
        }
    }
}
