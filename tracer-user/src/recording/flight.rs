//! The last so much of a trace, kept in memory until it is asked for.
//!
//! Frames are kept as they would be written, the oldest go when there are too many. When they are
//! asked for they become a recording in one piece: another file beside it is written and put in its
//! place, so a reader finds the one before or the new one. Memory: what was allowed, and one
//! frame.

use std::{
    collections::VecDeque,
    io::{self, Write},
    path::{Path, PathBuf},
};

use super::{Frame, Head, Writer, frame::Packer, rotation::make_way};

/// Keeps the last frames.
pub struct Flight {
    path: PathBuf,
    head: Frame,
    packer: Packer,
    frames: VecDeque<Vec<u8>>,
    /// Bytes in the frames.
    bytes: u64,
    limit: u64,
    /// How many older files are kept.
    keep: u32,
}

impl Flight {
    /// Keeps at most `limit` bytes, which will go to `path`; `keep` files that were there before
    /// get a number.
    pub fn begin(path: PathBuf, limit: u64, keep: u32, head: Head) -> io::Result<Self> {
        Ok(Self {
            path,
            head: Frame::Head(head),
            packer: Packer::new()?,
            frames: VecDeque::new(),
            bytes: 0,
            limit,
            keep,
        })
    }

    /// Keeps a frame.
    pub fn write(&mut self, frame: &Frame) -> io::Result<()> {
        let frame = self.packer.pack(frame)?;
        self.bytes += frame.len() as u64;
        self.frames.push_back(frame);
        while self.bytes > self.limit && self.frames.len() > 1 {
            let oldest = self.frames.pop_front();
            self.bytes -= oldest.map_or(0, |frame| frame.len() as u64);
        }
        Ok(())
    }

    /// Writes what is kept and the last frames, and goes on keeping it.
    pub fn save(&self, last: &[Frame]) -> io::Result<()> {
        let parent = self.path.parent().filter(|it| !it.as_os_str().is_empty());
        let directory = parent.unwrap_or(Path::new("."));
        let mut file = tempfile::Builder::new()
            .prefix(".recording-")
            .tempfile_in(directory)?;
        // A temporary file is for its owner alone; who may read the one before may read the new
        // one. A symbolic link that somebody has put there meanwhile is replaced, and says nothing.
        if let Ok(before) = std::fs::symlink_metadata(&self.path)
            && before.is_file()
        {
            let _ = file.as_file().set_permissions(before.permissions());
        }
        let mut writer = Writer::new(io::BufWriter::new(file.as_file_mut()))?;
        writer.write(&self.head)?;
        for frame in &self.frames {
            writer.put(frame)?;
        }
        for frame in last {
            writer.write(frame)?;
        }
        writer.into_inner().flush()?;
        file.as_file().sync_data()?;
        make_way(&self.path, self.keep)?;
        file.persist(&self.path)?;
        Ok(())
    }
}
