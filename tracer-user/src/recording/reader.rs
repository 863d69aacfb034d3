//! Frames come from a file, whatever the file is.
//!
//! What cannot be a recording is refused at once. After bytes that are no frame, the next mark of
//! one is looked for: what lies between is reported as damage, and what follows is read as if
//! nothing had been. A frame is given out only if its checksum is right, so damage costs data and
//! never changes it.
//!
//! Memory: one frame. Time goes with the length of the file and of the contents, whatever the file
//! is: a mark costs some microseconds ([`super::sums`]), however much it says is behind it.

use std::io::{self, Read};

use memchr::memmem;
use thiserror::Error;

use super::{
    form::{FORM, Frame, OLDEST_FORM},
    frame::{MARK, PREFIX_BYTES, Prefix, Unpacker},
    sums::{STEP, Sums, Window},
    writer::{BEGINNING_BYTES, SIGNATURE},
};
use crate::exit_code::{Exit, HasExit};

/// Bytes that are read at once, at least.
const CHUNK: usize = 256 << 10;

/// Why a file cannot be read as a recording.
#[derive(Debug, Error)]
pub enum RecordingError {
    /// There is nothing in it.
    #[error("it is empty: the recording was ended before it began; record again")]
    Empty,
    /// It is something else.
    #[error("it is no recording; make one with `tracer record -o FILE -G FUNCTION`")]
    Foreign,
    /// It is of a form that this version does not know.
    #[error(
        "it was written by another version of tracer (its form is {found}, this version reads \
        {OLDEST_FORM} to {FORM}); replay it with that version"
    )]
    Form {
        /// The number of its form.
        found: u32,
    },
    /// It cannot be read.
    #[error(transparent)]
    Read(#[from] io::Error),
}

impl HasExit for RecordingError {
    fn exit(&self) -> Option<Exit> {
        Some(Exit::Recording)
    }
}

/// Bytes that are no frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Damage {
    /// Where they begin, bytes from the beginning of the file.
    pub from: u64,
    /// How many.
    pub bytes: u64,
}

/// What was read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Piece {
    /// A frame as it was written.
    Frame(Frame),
    /// Something else.
    Damage(Damage),
}

/// Reads a recording.
pub struct Reader<R> {
    source: R,
    is_at_end: bool,
    unpacker: Unpacker,
    sums: Sums,
    window: Vec<u8>,
    /// Where in the window the next frame begins.
    start: usize,
    /// Where in the file that is, bytes.
    offset: u64,
}

impl<R: Read> Reader<R> {
    /// Reads what stands before the first frame.
    pub fn new(source: R) -> Result<Self, RecordingError> {
        let mut reader = Self {
            source,
            is_at_end: false,
            unpacker: Unpacker::new()?,
            sums: Sums::default(),
            window: Vec::new(),
            start: 0,
            offset: 0,
        };
        reader.fill(BEGINNING_BYTES)?;
        let bytes = reader.rest();
        let Some((signature, rest)) = bytes.split_at_checked(SIGNATURE.len()) else {
            let is_beginning = SIGNATURE.starts_with(bytes);
            return Err(if is_beginning {
                RecordingError::Empty
            } else {
                RecordingError::Foreign
            });
        };
        if signature != SIGNATURE {
            return Err(RecordingError::Foreign);
        }
        let form = rest.first_chunk().ok_or(RecordingError::Empty)?;
        match u32::from_le_bytes(*form) {
            OLDEST_FORM..=FORM => reader.skip(BEGINNING_BYTES),
            found => return Err(RecordingError::Form { found }),
        }
        Ok(reader)
    }

    /// The next frame, or the bytes up to it; none at the end of the file.
    pub fn next_piece(&mut self) -> io::Result<Option<Piece>> {
        self.fill(PREFIX_BYTES)?;
        if self.rest().is_empty() {
            return Ok(None);
        }
        if let Some((frame, length)) = self.frame()? {
            self.skip(length);
            return Ok(Some(Piece::Frame(frame)));
        }
        self.damage().map(|damage| Some(Piece::Damage(damage)))
    }

    /// The frame that begins here, and its length.
    fn frame(&mut self) -> io::Result<Option<(Frame, usize)>> {
        self.fill(PREFIX_BYTES)?;
        let Some(prefix) = Prefix::read(self.rest()) else {
            return Ok(None);
        };
        let length = prefix.frame_bytes();
        self.fill(length)?;
        let stored = self.start + PREFIX_BYTES..self.start + length;
        let Some(bytes) = self.window.get(stored.clone()) else {
            return Ok(None);
        };
        let window = Window {
            bytes: &self.window,
            offset: self.offset - self.start as u64,
        };
        let sum = self.sums.of(window, stored);
        let frame = self.unpacker.unpack(prefix, bytes, sum);
        Ok(frame.map(|frame| (frame, length)))
    }

    /// Skips what is no frame.
    fn damage(&mut self) -> io::Result<Damage> {
        let from = self.offset;
        loop {
            self.skip(1);
            self.seek_mark()?;
            if self.rest().is_empty() || self.frame()?.is_some() {
                let bytes = self.offset - from;
                return Ok(Damage { from, bytes });
            }
        }
    }

    /// Skips to the next mark, or to the end.
    fn seek_mark(&mut self) -> io::Result<()> {
        loop {
            self.fill(CHUNK)?;
            let rest = self.rest();
            if let Some(place) = memmem::find(rest, &MARK) {
                self.skip(place);
                return Ok(());
            }
            // The beginning of a mark may be at the end of what is there.
            let is_end = rest.len() < CHUNK;
            let length = rest.len();
            self.skip(if is_end {
                length
            } else {
                length - MARK.len() + 1
            });
            if is_end {
                return Ok(());
            }
        }
    }

    fn rest(&self) -> &[u8] {
        &self.window[self.start..]
    }

    fn skip(&mut self, bytes: usize) {
        let bytes = bytes.min(self.window.len() - self.start);
        self.start += bytes;
        self.offset += bytes as u64;
    }

    /// Reads until there are that many bytes, or until the end of the file. What is before is kept
    /// as far as checksums need it.
    fn fill(&mut self, bytes: usize) -> io::Result<()> {
        let missing = bytes.saturating_sub(self.rest().len());
        if missing == 0 || self.is_at_end {
            return Ok(());
        }
        let spent = self.start.saturating_sub(STEP);
        self.window.drain(..spent);
        self.start -= spent;
        let limit = missing.max(CHUNK) as u64;
        let mut source = self.source.by_ref().take(limit);
        let read = source.read_to_end(&mut self.window)?;
        self.is_at_end = (read as u64) < limit;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::recording::{Head, Writer};

    /// A file of marks, each with a length after it that reaches to the end: the work goes with
    /// the file, not with its square.
    #[test]
    fn marks_without_frames_cost_little() {
        let last = Frame::Head(Head::default());
        let mut writer = Writer::new(Vec::new()).unwrap();
        let last_bytes = writer.pack(&last).unwrap();
        let mut file = writer.into_inner();
        let (marks, begin) = (1 << 13, file.len());
        let end = begin + marks * PREFIX_BYTES;
        while file.len() < end {
            let rest = u32::try_from(end - file.len() - PREFIX_BYTES).unwrap();
            file.extend(MARK);
            file.extend(rest.to_le_bytes());
            file.extend(rest.to_le_bytes());
            file.extend([0; 4]);
        }
        file.extend(last_bytes);
        let mut reader = Reader::new(file.as_slice()).unwrap();
        let damage = Damage {
            from: begin as u64,
            bytes: (end - begin) as u64,
        };
        assert_eq!(reader.next_piece().unwrap(), Some(Piece::Damage(damage)));
        assert_eq!(reader.next_piece().unwrap(), Some(Piece::Frame(last)));
        assert_eq!(reader.next_piece().unwrap(), None);
        let added = reader.sums.added.get();
        assert!(added <= file.len() + marks * 2 * STEP, "{added}");
    }
}
