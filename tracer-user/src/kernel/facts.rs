//! Facts about the host that decide what can be done: which kernel, which build of it, what it
//! forbids, what this process may do, which CPUs there are.
//!
//! Each fact comes from one small file, is read when asked for, and has a parser that takes text or
//! bytes, so that it can be tested without the file.

use std::{fmt, fs, io};

const RELEASE: &str = "/proc/sys/kernel/osrelease";
const NOTES: &str = "/sys/kernel/notes";
const LOCKDOWN: &str = "/sys/kernel/security/lockdown";
const STATUS: &str = "/proc/self/status";
const POSSIBLE: &str = "/sys/devices/system/cpu/possible";
const ONLINE: &str = "/sys/devices/system/cpu/online";
const LOAD: &str = "/proc/loadavg";

/// The type of the note that holds a build id (NT_GNU_BUILD_ID, elf.h).
const GNU_BUILD_ID: u32 = 3;

/// Why a fact is not known.
#[derive(Debug, thiserror::Error)]
pub enum FactsError {
    /// A file cannot be read.
    #[error("cannot read {path}: {error}; see that /proc and /sys are mounted")]
    Read {
        /// Which.
        path: &'static str,
        /// Why.
        error: io::Error,
    },
    /// A file says something that is not understood.
    #[error("{path} holds something unexpected: {content:?}; please report it")]
    Malformed {
        /// Which.
        path: &'static str,
        /// What it says, shortened.
        content: String,
    },
}

/// A kernel's version as far as features depend on it. Distributions backport: where the kernel
/// itself can be asked whether it has something, ask it instead.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Release {
    /// The first number.
    pub major: u32,
    /// The second number.
    pub minor: u32,
}

impl fmt::Display for Release {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{}.{}", self.major, self.minor)
    }
}

/// The kernel's release string, such as `6.12.117+deb13-cloud-amd64`.
pub fn release_name() -> Result<String, FactsError> {
    Ok(read(RELEASE)?.trim_end().to_owned())
}

/// The kernel's release as numbers.
pub fn release() -> Result<Release, FactsError> {
    let name = release_name()?;
    parse_release(&name).ok_or_else(|| malformed(RELEASE, &name))
}

fn parse_release(name: &str) -> Option<Release> {
    let mut numbers = name
        .split(|character: char| !character.is_ascii_digit())
        .map(str::parse);
    Some(Release {
        major: numbers.next()?.ok()?,
        minor: numbers.next()?.ok()?,
    })
}

/// The kernel's build id in hex: two kernels with the same one have the same functions. None if
/// the kernel was built without.
pub fn build_id() -> Option<String> {
    use fmt::Write as _;
    let notes = fs::read(NOTES).ok()?;
    let id = find_note(&notes, b"GNU\0", GNU_BUILD_ID)?;
    let mut text = String::with_capacity(2 * id.len());
    for byte in id {
        // Writing to a string cannot fail.
        let _ = write!(text, "{byte:02x}");
    }
    Some(text)
}

/// The content of the first ELF note of that owner and type.
pub(super) fn find_note<'a>(mut notes: &'a [u8], owner: &[u8], wanted: u32) -> Option<&'a [u8]> {
    loop {
        let (header, rest) = notes.split_first_chunk::<12>()?;
        let (words, _) = header.as_chunks::<4>();
        let [owner_length, length, kind] = [words[0], words[1], words[2]].map(u32::from_ne_bytes);
        let (name, rest) = split_padded(rest, owner_length)?;
        let (content, rest) = split_padded(rest, length)?;
        if kind == wanted && name == owner {
            return Some(content);
        }
        notes = rest;
    }
}

/// The first `length` bytes, and what follows them and their padding to four bytes.
fn split_padded(bytes: &[u8], length: u32) -> Option<(&[u8], &[u8])> {
    let length = length as usize;
    let content = bytes.get(..length)?;
    let padded = length.checked_next_multiple_of(4)?;
    Some((content, bytes.get(padded..).unwrap_or_default()))
}

/// What the kernel forbids even to root (security/lockdown/lockdown.c).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lockdown {
    /// The kernel has no lockdown, or securityfs is not mounted.
    Absent,
    /// Nothing is forbidden.
    None,
    /// Changing the running kernel is forbidden; BPF must not write user memory.
    Integrity,
    /// Reading secrets out of the kernel is forbidden too: no kcore, no BPF reads, no tracefs.
    Confidentiality,
}

impl fmt::Display for Lockdown {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(match self {
            Self::Absent => "absent",
            Self::None => "none",
            Self::Integrity => "integrity",
            Self::Confidentiality => "confidentiality",
        })
    }
}

/// The kernel's lockdown state.
pub fn lockdown() -> Result<Lockdown, FactsError> {
    match fs::read_to_string(LOCKDOWN) {
        Ok(text) => parse_lockdown(&text).ok_or_else(|| malformed(LOCKDOWN, &text)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Lockdown::Absent),
        Err(error) => Err(FactsError::Read {
            path: LOCKDOWN,
            error,
        }),
    }
}

/// The file lists all states and has the current one in brackets: `none [integrity]
/// confidentiality`.
fn parse_lockdown(text: &str) -> Option<Lockdown> {
    let current = text.split_once('[')?.1.split_once(']')?.0;
    Some(match current {
        "none" => Lockdown::None,
        "integrity" => Lockdown::Integrity,
        "confidentiality" => Lockdown::Confidentiality,
        _ => return None,
    })
}

/// A privilege that tracing asks for (include/uapi/linux/capability.h).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u32)]
pub enum Capability {
    /// Reading kernel addresses.
    Syslog = 34,
    /// The sum of all that has no name of its own.
    SysAdmin = 21,
    /// Raising limits such as RLIMIT_NOFILE beyond the hard limit.
    SysResource = 24,
    /// Tracing programs.
    Perfmon = 38,
    /// Loading programs and making maps.
    Bpf = 39,
}

/// The capabilities that this process has in effect.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Capabilities(u64);

impl Capabilities {
    /// Whether one is in effect.
    pub const fn has(self, capability: Capability) -> bool {
        self.0 & (1 << capability as u32) != 0
    }

    /// Whether tracing programs may be loaded as far as capabilities go (perfmon_capable and
    /// bpf_capable, include/linux/capability.h: CAP_SYS_ADMIN stands for both).
    pub const fn allow_tracing(self) -> bool {
        self.has(Capability::SysAdmin) || self.has(Capability::Bpf) && self.has(Capability::Perfmon)
    }
}

/// The capabilities of this process.
pub fn capabilities() -> Result<Capabilities, FactsError> {
    let status = read(STATUS)?;
    parse_capabilities(&status).ok_or_else(|| malformed(STATUS, &status))
}

fn parse_capabilities(status: &str) -> Option<Capabilities> {
    let effective = status
        .lines()
        .find_map(|line| line.strip_prefix("CapEff:"))?;
    let bits = u64::from_str_radix(effective.trim(), 16).ok()?;
    Some(Capabilities(bits))
}

/// The CPUs that this kernel can ever have: per-CPU areas exist for these.
pub fn possible_cpus() -> Result<Vec<u32>, FactsError> {
    cpu_list(POSSIBLE)
}

/// The CPUs that run now.
pub fn online_cpus() -> Result<Vec<u32>, FactsError> {
    cpu_list(ONLINE)
}

/// The tasks that the host has now, in whatever PID namespace (`loadavg_proc_show`,
/// fs/proc/loadavg.c).
pub fn tasks() -> Result<u32, FactsError> {
    let text = read(LOAD)?;
    parse_tasks(&text).ok_or_else(|| malformed(LOAD, &text))
}

fn parse_tasks(load: &str) -> Option<u32> {
    let (_running, all) = load.split(' ').nth(3)?.split_once('/')?;
    all.parse().ok()
}

fn cpu_list(path: &'static str) -> Result<Vec<u32>, FactsError> {
    let text = read(path)?;
    parse_cpu_list(text.trim_end()).ok_or_else(|| malformed(path, &text))
}

/// Reads a list such as `0-3,8,10-11`: what the kernel prints, and what users type. None if it is
/// empty, not such a list, or names a CPU beyond 65535.
pub fn parse_cpu_list(text: &str) -> Option<Vec<u32>> {
    let mut cpus = Vec::new();
    for part in text.split(',') {
        let (first, last) = part.split_once('-').unwrap_or((part, part));
        let first = first.parse::<u16>().ok()?;
        let last = last.parse::<u16>().ok()?;
        if last < first {
            return None;
        }
        cpus.extend((first..=last).map(u32::from));
    }
    cpus.sort_unstable();
    cpus.dedup();
    Some(cpus)
}

fn read(path: &'static str) -> Result<String, FactsError> {
    fs::read_to_string(path).map_err(|error| FactsError::Read { path, error })
}

fn malformed(path: &'static str, content: &str) -> FactsError {
    FactsError::Malformed {
        path,
        content: content.chars().take(80).collect(),
    }
}

#[cfg(test)]
mod tests;
