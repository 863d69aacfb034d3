//! The function tracer's records: read from the ring of every CPU, decoded by the format that the
//! kernel itself describes.

use std::{
    fs::{File, OpenOptions},
    io::{self, Read},
    os::unix::fs::OpenOptionsExt,
};

use tracer_common::Context;

use super::{FunctionHit, instance::Instance, ring_page::read_page};
use crate::kernel::{Address, tracefs::TracefsError};

/// The kernel hands out one page at a time; sub-buffers may be made larger (6.8 on).
const READ_BYTES: usize = 64 << 10;

/// In a record's flags: TRACE_FLAG_NMI (enum trace_flag_type, include/linux/trace_events.h).
const FLAG_NMI: u8 = 0x40;
/// TRACE_FLAG_HARDIRQ.
const FLAG_HARD: u8 = 0x08;
/// TRACE_FLAG_SOFTIRQ.
const FLAG_SOFT: u8 = 0x10;

/// Reads and decodes records.
#[derive(Debug)]
pub(super) struct HitReader {
    format: Format,
    cpus: Vec<u32>,
    /// The most reads that a ring is good for at a time.
    reads: usize,
}

impl HitReader {
    /// A reader for the rings of those CPUs, of so many KiB each; none if the kernel's description
    /// is not understood.
    pub(super) fn new(format: &str, cpus: Vec<u32>, ring_kb: usize) -> Option<Self> {
        let format = Format::parse(format)?;
        // A read gives a page, full or not.
        let reads = ring_kb / 4 + 1;
        Some(Self {
            format,
            cpus,
            reads,
        })
    }

    /// Takes all records out of the rings of an instance, CPU by CPU. Of records that come in
    /// faster than they are read, it takes as many as a ring holds.
    pub(super) fn drain(&self, instance: &Instance) -> Result<Vec<FunctionHit>, TracefsError> {
        let mut hits = Vec::new();
        let mut page = vec![0; READ_BYTES];
        for cpu in &self.cpus {
            let path = instance.path(&format!("per_cpu/cpu{cpu}/trace_pipe_raw"));
            let fail = |error| TracefsError::File {
                action: "read",
                path: path.clone(),
                error,
            };
            let mut ring = match open(&path) {
                // A CPU that was never online has no ring.
                Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
                opened => opened.map_err(fail)?,
            };
            for _ in 0..self.reads {
                match ring.read(&mut page) {
                    Ok(0) => break,
                    Ok(length) => self.decode(&page[..length], *cpu, &mut hits),
                    Err(error) if error.kind() == io::ErrorKind::WouldBlock => break,
                    Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                    Err(error) => return Err(fail(error)),
                }
            }
        }
        Ok(hits)
    }

    fn decode(&self, page: &[u8], cpu: u32, hits: &mut Vec<FunctionHit>) {
        read_page(page, |time_ns, record| {
            hits.extend(self.format.decode(time_ns, record, cpu));
        });
    }
}

fn open(path: &std::path::Path) -> io::Result<File> {
    OpenOptions::new()
        .read(true)
        .custom_flags(libc::O_NONBLOCK)
        .open(path)
}

/// Where the fields of a record stand, bytes from its start.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Format {
    /// The number of the function tracer's records among others.
    id: u16,
    flags: usize,
    pid: usize,
    function: usize,
    parent: usize,
}

impl Format {
    /// Reads `events/ftrace/function/format`.
    fn parse(text: &str) -> Option<Self> {
        let id = text.lines().find_map(|line| line.strip_prefix("ID:"))?;
        let offset = |field: &str| {
            let line = text.lines().find(|line| {
                let declaration = line.trim_start().strip_prefix("field:");
                let name = declaration.and_then(|rest| rest.split(';').next());
                name.is_some_and(|name| name.ends_with(&format!(" {field}")))
            })?;
            let offset = line.split_once("offset:")?.1.split(';').next()?;
            offset.parse::<usize>().ok().filter(|offset| *offset < 4096)
        };
        Some(Self {
            id: id.trim().parse().ok()?,
            flags: offset("common_flags")?,
            pid: offset("common_pid")?,
            function: offset("ip")?,
            parent: offset("parent_ip")?,
        })
    }

    /// Decodes a record; none if it is another tracer's or too short.
    fn decode(&self, time_ns: u64, record: &[u8], cpu: u32) -> Option<FunctionHit> {
        let long = |place: usize| {
            let bytes = record.get(place..)?.first_chunk()?;
            Some(u64::from_ne_bytes(*bytes))
        };
        if u16::from_ne_bytes(*record.first_chunk()?) != self.id {
            return None;
        }
        let flags = *record.get(self.flags)?;
        Some(FunctionHit {
            cpu,
            tid: u32::from_ne_bytes(*record.get(self.pid..)?.first_chunk()?),
            time_ns,
            context: context_of(flags),
            function: Address(long(self.function)?),
            parent: Address(long(self.parent)?),
        })
    }
}

/// The innermost context that a record's flags name.
const fn context_of(flags: u8) -> Context {
    if flags & FLAG_NMI != 0 {
        Context::Nmi
    } else if flags & FLAG_HARD != 0 {
        Context::HardIrq
    } else if flags & FLAG_SOFT != 0 {
        Context::SoftIrq
    } else {
        Context::Task
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const FORMAT: &str = "\
name: function
ID: 1
format:
\tfield:unsigned short common_type;\toffset:0;\tsize:2;\tsigned:0;
\tfield:unsigned char common_flags;\toffset:2;\tsize:1;\tsigned:0;
\tfield:unsigned char common_preempt_count;\toffset:3;\tsize:1;\tsigned:0;
\tfield:int common_pid;\toffset:4;\tsize:4;\tsigned:1;

\tfield:unsigned long ip;\toffset:8;\tsize:8;\tsigned:0;
\tfield:unsigned long parent_ip;\toffset:16;\tsize:8;\tsigned:0;

print fmt: \" %ps <-- %ps\", (void *)REC->ip, (void *)REC->parent_ip
";

    #[test]
    fn records_are_decoded_as_the_kernel_describes_them() {
        let format = Format::parse(FORMAT).unwrap();
        let mut record = vec![1, 0, 0x10, 0, 42, 0, 0, 0];
        record.extend(0xffff_ffff_8100_0004u64.to_ne_bytes());
        record.extend(0xffff_ffff_8100_1000u64.to_ne_bytes());
        let hit = FunctionHit {
            cpu: 1,
            tid: 42,
            time_ns: 7,
            context: Context::SoftIrq,
            function: Address(0xffff_ffff_8100_0004),
            parent: Address(0xffff_ffff_8100_1000),
        };
        assert_eq!(format.decode(7, &record, 1), Some(hit));
        assert_eq!(format.decode(7, &record[..20], 1), None);
        record[0] = 2;
        assert_eq!(format.decode(7, &record, 1), None);
    }

    #[test]
    fn an_unknown_description_is_refused() {
        assert_eq!(Format::parse(""), None);
        assert_eq!(
            Format::parse(&FORMAT.replace("parent_ip;", "parent;")),
            None
        );
        assert_eq!(
            Format::parse(&FORMAT.replace("offset:16", "offset:x")),
            None
        );
    }

    proptest! {
        #[test]
        fn never_panics(text in "\\PC*", record in prop::collection::vec(any::<u8>(), 0..40)) {
            let _ = Format::parse(&text);
            let _ = Format::parse(FORMAT).unwrap().decode(0, &record, 0);
        }
    }
}
