//! Kernel memory as `/proc/kcore` shows it: an ELF core file whose segments are the areas of the
//! kernel's address space (fs/proc/kcore.c).
//!
//! One of its notes is vmcoreinfo, lines such as `SYMBOL(kallsyms_names)=ffffffff81d51f68`. It says
//! where the kernel's own symbol table is (6.0+) before any symbol is known.

use std::{fs::File, io, os::unix::fs::FileExt};

use super::{Address, facts::find_note};

const PATH: &str = "/proc/kcore";
/// Room for the header and some hundred segments; there are about ten.
const HEADERS_BYTES: usize = 16 << 10;
/// The size of a program header (`Elf64_Phdr`), bytes.
const PROGRAM_HEADER_BYTES: usize = 56;
const LOADABLE: u32 = 1;
const NOTES: u32 = 4;
/// Notes are some 13 KiB: registers, a task, a page of vmcoreinfo.
const LONGEST_NOTES: u64 = 1 << 20;

/// Why there is no text.
#[derive(Debug, thiserror::Error)]
pub enum CodeError {
    /// `/proc/kcore` cannot be opened or read.
    #[error(
        "cannot read the kernel's text from /proc/kcore: {0}; run as root on a kernel with \
        CONFIG_PROC_KCORE=y and without lockdown=confidentiality"
    )]
    Read(#[from] std::io::Error),
    /// It is not the ELF file it should be.
    #[error("/proc/kcore is not a 64-bit ELF core of this machine's byte order; please report it")]
    Malformed,
    /// The address is in none of its segments.
    #[error(
        "/proc/kcore has no text at {0}; the symbol is not of this kernel or its module is gone"
    )]
    Unmapped(Address),
}

/// A source of text: so many bytes from an address on, fewer where it ends.
pub type CodeReader<'a> = &'a dyn Fn(Address, usize) -> Result<Vec<u8>, CodeError>;

/// The text of the running kernel.
#[derive(Debug)]
pub struct KernelCode {
    kcore: Kcore,
}

impl KernelCode {
    /// Opens the running kernel's text.
    pub fn open() -> Result<Self, CodeError> {
        let kcore = Kcore::open()?;
        Ok(Self { kcore })
    }

    /// Reads `length` bytes of kernel memory that lie in one segment.
    pub fn read(&self, start: Address, length: usize) -> Result<Vec<u8>, CodeError> {
        self.kcore.read(start, length)
    }

    /// What reads it, for what works on any text.
    pub fn reader(&self) -> impl Fn(Address, usize) -> Result<Vec<u8>, CodeError> {
        |start, length| self.read(start, length)
    }

    /// Where the kernel itself says that one of its symbols is, before any symbols are known: see
    /// kernel/vmcore_info.c for which it names.
    pub fn announced(&self, symbol: &str) -> Option<Address> {
        self.kcore.announced(symbol)
    }
}

/// An open `/proc/kcore`.
#[derive(Debug)]
struct Kcore {
    file: File,
    segments: Vec<Segment>,
    /// Empty if the kernel gives none.
    vmcoreinfo: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Segment {
    start: u64,
    length: u64,
    /// Where it stands in the file.
    offset: u64,
}

impl Kcore {
    fn open() -> Result<Self, CodeError> {
        let file = File::open(PATH)?;
        let mut headers = vec![0; HEADERS_BYTES];
        let read = read_some(&file, &mut headers, 0)?;
        let (segments, notes) = parse_segments(&headers[..read]).ok_or(CodeError::Malformed)?;
        let vmcoreinfo = notes.and_then(|notes| read_vmcoreinfo(&file, notes));
        Ok(Self {
            file,
            segments,
            vmcoreinfo: vmcoreinfo.unwrap_or_default(),
        })
    }

    /// The address that vmcoreinfo gives for a symbol.
    fn announced(&self, symbol: &str) -> Option<Address> {
        announced_in(&self.vmcoreinfo, symbol)
    }

    fn read(&self, start: Address, length: usize) -> Result<Vec<u8>, CodeError> {
        let offset = self
            .segments
            .iter()
            .find_map(|segment| segment.offset_of(start, length as u64))
            .ok_or(CodeError::Unmapped(start))?;
        let mut bytes = vec![0; length];
        let read = read_some(&self.file, &mut bytes, offset)?;
        bytes.truncate(read);
        Ok(bytes)
    }
}

fn read_vmcoreinfo(file: &File, notes: Segment) -> Option<String> {
    let length = usize::try_from(notes.length.min(LONGEST_NOTES)).ok()?;
    let mut bytes = vec![0; length];
    let read = read_some(file, &mut bytes, notes.offset).ok()?;
    let note = find_note(&bytes[..read], b"VMCOREINFO\0", 0)?;
    Some(String::from_utf8_lossy(note).into_owned())
}

fn announced_in(vmcoreinfo: &str, symbol: &str) -> Option<Address> {
    let value = vmcoreinfo.lines().find_map(|line| {
        let rest = line.strip_prefix("SYMBOL(")?.strip_prefix(symbol)?;
        rest.strip_prefix(")=")
    })?;
    u64::from_str_radix(value, 16).ok().map(Address)
}

impl Segment {
    /// Where `length` bytes from `start` on stand in the file, if they are in this segment.
    fn offset_of(&self, start: Address, length: u64) -> Option<u64> {
        let within = start.since(Address(self.start))?;
        let end = within.checked_add(length)?;
        if end > self.length {
            return None;
        }
        self.offset.checked_add(within)
    }
}

/// Reads until the buffer is full or the file ends; says how much was read.
fn read_some(file: &File, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
    let mut done = 0;
    while done < buffer.len() {
        match file.read_at(&mut buffer[done..], offset + done as u64) {
            Ok(0) => break,
            Ok(count) => done += count,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(done)
}

/// The loadable segments of a 64-bit ELF file of this machine's byte order, and its notes.
fn parse_segments(headers: &[u8]) -> Option<(Vec<Segment>, Option<Segment>)> {
    let byte_order = if cfg!(target_endian = "little") { 1 } else { 2 };
    if headers.get(..6)? != [0x7f, b'E', b'L', b'F', 2, byte_order] {
        return None;
    }
    let table = usize::try_from(long_at(headers, 32)?).ok()?;
    let count = usize::from(u16::from_ne_bytes(*headers.get(56..)?.first_chunk()?));
    let mut segments = Vec::with_capacity(count);
    let mut notes = None;
    for number in 0..count {
        let place = table.checked_add(number * PROGRAM_HEADER_BYTES)?;
        // Segments beyond what was read are areas of memory, not text, which comes early.
        let Some(header) = headers
            .get(place..)
            .filter(|rest| rest.len() >= PROGRAM_HEADER_BYTES)
        else {
            break;
        };
        let kind = u32::from_ne_bytes(*header.first_chunk()?);
        // Notes have a length in the file only.
        let length = if kind == NOTES { 32 } else { 40 };
        let segment = Segment {
            offset: long_at(header, 8)?,
            start: long_at(header, 16)?,
            length: long_at(header, length)?,
        };
        match kind {
            LOADABLE => segments.push(segment),
            NOTES => notes = Some(segment),
            _ => {}
        }
    }
    Some((segments, notes))
}

fn long_at(bytes: &[u8], place: usize) -> Option<u64> {
    Some(u64::from_ne_bytes(*bytes.get(place..)?.first_chunk()?))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn core(segments: &[(u32, Segment)]) -> Vec<u8> {
        let mut bytes = vec![0; 64];
        bytes[..6].copy_from_slice(&[0x7f, b'E', b'L', b'F', 2, 1]);
        bytes[32] = 64;
        bytes[56] = u8::try_from(segments.len()).unwrap();
        for (kind, segment) in segments {
            let mut header = [0; PROGRAM_HEADER_BYTES];
            header[..4].copy_from_slice(&kind.to_ne_bytes());
            header[8..16].copy_from_slice(&segment.offset.to_ne_bytes());
            header[16..24].copy_from_slice(&segment.start.to_ne_bytes());
            let length = if *kind == NOTES { 32 } else { 40 };
            header[length..length + 8].copy_from_slice(&segment.length.to_ne_bytes());
            bytes.extend(header);
        }
        bytes
    }

    const TEXT: Segment = Segment {
        start: 0xffff_ffff_8100_0000,
        length: 0x100,
        offset: 0x3000,
    };

    #[test]
    fn loadable_segments_are_found() {
        let note = Segment {
            start: 0,
            length: 10,
            offset: 0,
        };
        let found = parse_segments(&core(&[(NOTES, note), (LOADABLE, TEXT)])).unwrap();
        assert_eq!(found, (vec![TEXT], Some(note)));
        assert_eq!(parse_segments(b"\x7fELF\x01\x01"), None);
        assert_eq!(parse_segments(b""), None);
    }

    #[test]
    fn vmcoreinfo_says_where_symbols_are() {
        let info = "PAGESIZE=4096\nSYMBOL(_stext)=ffffffff81000000\nSYMBOL(_stext_more)=1\nSYMBOL(bad)=x\n";
        assert_eq!(
            announced_in(info, "_stext"),
            Some(Address(0xffff_ffff_8100_0000))
        );
        assert_eq!(announced_in(info, "bad"), None);
        assert_eq!(announced_in(info, "PAGESIZE"), None);
    }

    #[test]
    fn only_what_is_whole_in_a_segment_has_a_place() {
        let at = |start, length| TEXT.offset_of(Address(start), length);
        assert_eq!(at(TEXT.start, 0x100), Some(0x3000));
        assert_eq!(at(TEXT.start + 0x10, 1), Some(0x3010));
        assert_eq!(at(TEXT.start, 0x101), None);
        assert_eq!(at(TEXT.start - 1, 1), None);
        assert_eq!(at(u64::MAX, u64::MAX), None);
    }

    proptest! {
        #[test]
        fn damage_never_panics(
            changes in prop::collection::vec((0usize..240, any::<u8>()), 1..8),
            cut in 0usize..240,
        ) {
            let mut bytes = core(&[(LOADABLE, TEXT), (LOADABLE, TEXT), (LOADABLE, TEXT)]);
            for (place, value) in changes {
                if let Some(byte) = bytes.get_mut(place) {
                    *byte = value;
                }
            }
            let _ = parse_segments(&bytes);
            let _ = parse_segments(&bytes[..cut.min(bytes.len())]);
        }
    }
}
