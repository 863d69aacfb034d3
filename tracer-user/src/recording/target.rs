//! The files that a recording goes to, and how large they may become.
//!
//! A file that is full gets its end. Then either the recording ends, or the file moves to a name
//! with a number, older files to higher numbers, and a new one begins under the first name. Each
//! file is a recording of its own. One is never larger than was allowed, unless a single frame is.

use std::{
    fs::File,
    io,
    path::{Path, PathBuf},
};

use super::{Counters, End, Ending, Frame, Head, Writer, file, rotation::make_way};

/// Room for the last frames, bytes.
const END_BYTES: u64 = 256;

/// What happens when a file is full.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum WhenFull {
    /// The recording ends.
    End,
    /// Another file begins under this name, and so many older ones are kept, with `.1` after the
    /// name for the newest of them.
    Rotate {
        /// The name.
        path: PathBuf,
        /// Older files.
        keep: u32,
    },
}

/// How large a file may become.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limit {
    /// Bytes.
    pub bytes: u64,
    /// What happens then.
    pub then: WhenFull,
}

/// Where a recording goes.
#[derive(Debug)]
pub enum Target {
    /// To a file, while it is made.
    File {
        /// The file; what was in it goes when the recording begins.
        file: File,
        /// How large it may become; as large as it will without.
        limit: Option<Limit>,
    },
    /// To memory, and to a file when it is asked for: see [`super::flight`].
    Memory {
        /// The file's name.
        path: PathBuf,
        /// How much of the end is kept, bytes.
        bytes: u64,
        /// How many older files are kept when it is written.
        keep: u32,
    },
}

impl Target {
    /// Whether it is written when it is asked for.
    pub const fn waits_to_be_asked(&self) -> bool {
        matches!(self, Self::Memory { .. })
    }
}

/// Whether there is room.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Room {
    /// The frame was written.
    Written,
    /// It was not: the file is full, and has its end.
    Full,
}

/// A recording on its way to its files.
pub struct Files {
    writer: Writer<File>,
    limit: Option<Limit>,
    head: Frame,
    frames: u64,
}

impl Files {
    /// Writes the head.
    pub fn begin(file: File, limit: Option<Limit>, head: Head) -> io::Result<Self> {
        // What is no file on a disk has no length.
        let _ = file.set_len(0);
        let mut files = Self {
            writer: Writer::new(file)?,
            limit,
            head: Frame::Head(head),
            frames: 0,
        };
        files.writer.write(&files.head)?;
        Ok(files)
    }

    /// Writes a frame, to a new file if it has to be.
    pub fn write(&mut self, frame: &Frame) -> io::Result<Room> {
        let bytes = self.writer.pack(frame)?;
        let after = self.writer.written() + bytes.len() as u64 + END_BYTES;
        if let Some(limit) = &self.limit
            && after > limit.bytes
            && self.frames > 0
        {
            match limit.then.clone() {
                WhenFull::End => return Ok(Room::Full),
                WhenFull::Rotate { path, keep } => self.rotate(&path, keep)?,
            }
        }
        self.frames += 1;
        self.writer.put(&bytes)?;
        Ok(Room::Written)
    }

    /// Writes the last frames if nothing has failed, takes away what is no whole frame, and sees
    /// that all is on the disk.
    pub fn end(mut self, last: &[Frame], written: io::Result<()>) -> io::Result<()> {
        let mut write = || last.iter().try_for_each(|frame| self.writer.write(frame));
        let written = written.and_then(|()| write());
        let whole = self.writer.written();
        let file = self.writer.into_inner();
        if written.is_err() {
            // A pipe cannot be cut, and the reader copes with what is too much.
            let _ = file.set_len(whole);
        }
        // What is no file on a disk has nothing to be synchronised.
        let _ = file.sync_data();
        written
    }

    fn rotate(&mut self, path: &Path, keep: u32) -> io::Result<()> {
        self.writer.write(&Frame::End(End {
            ending: Ending::Full,
            counters: Counters::default(),
        }))?;
        make_way(path, keep)?;
        self.writer = Writer::new(file::create(path)?)?;
        self.frames = 0;
        self.writer.write(&self.head)
    }
}
