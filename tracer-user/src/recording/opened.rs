//! A recording that is read: its head, then stretch by stretch. What is damaged is said on stderr
//! and skipped.

use std::io::{self, Read};

use super::{Damage, Data, End, Frame, Head, Missed, Piece, Reader, RecordingError};

/// Damaged places that are named one by one.
const PLACES_NAMED: u64 = 10;

/// How much of a recording could be read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Readable {
    /// Places that are damaged.
    pub damaged_places: u64,
    /// Bytes in them.
    pub damaged_bytes: u64,
    /// How it ended; none if its end is missing.
    pub end: Option<End>,
    /// What no batch tells of.
    pub missed: Missed,
}

impl Readable {
    /// Whether nothing is damaged or missing.
    #[must_use]
    pub const fn is_whole(&self) -> bool {
        self.damaged_places == 0 && self.end.is_some()
    }
}

/// A recording, read frame by frame.
pub struct Recording<R> {
    reader: Reader<R>,
    /// A frame that stands where the head should be.
    first: Option<Frame>,
    /// Where it was made.
    pub head: Head,
    /// How much could be read until now.
    pub readable: Readable,
    /// Whether nothing is said of damage and of sums: of a recording that is read again.
    pub is_quiet: bool,
}

impl<R: Read> Recording<R> {
    /// Reads the head. Without one, nothing is known but the functions that occur.
    pub fn open(source: R) -> Result<Self, RecordingError> {
        let mut recording = Self {
            reader: Reader::new(source)?,
            first: None,
            head: Head::default(),
            readable: Readable::default(),
            is_quiet: false,
        };
        match recording.next()? {
            Some(Frame::Head(head)) => recording.head = head,
            other => recording.first = other,
        }
        Ok(recording)
    }

    /// The next stretch of the stream; none at the end.
    pub fn next_data(&mut self) -> io::Result<Option<Data>> {
        while let Some(frame) = self.next()? {
            match frame {
                Frame::Data(data) => return Ok(Some(data)),
                Frame::End(end) => self.readable.end = Some(end),
                Frame::Missed(missed) => self.readable.missed = missed,
                // A reader gives out no data with fields beside it.
                Frame::Head(_) | Frame::DataWithFields(..) | Frame::DataOfProcesses(..) => {}
            }
        }
        Ok(None)
    }

    fn next(&mut self) -> io::Result<Option<Frame>> {
        if let Some(first) = self.first.take() {
            return Ok(Some(first));
        }
        loop {
            match self.reader.next_piece()? {
                Some(Piece::Damage(damage)) => self.damaged(damage),
                Some(Piece::Frame(frame)) => return Ok(Some(frame)),
                None => return Ok(None),
            }
        }
    }

    fn damaged(&mut self, damage: Damage) {
        self.readable.damaged_places += 1;
        self.readable.damaged_bytes += damage.bytes;
        if self.readable.damaged_places <= PLACES_NAMED && !self.is_quiet {
            eprintln!(
                "tracer: the recording is damaged or cut at byte {}: {} skipped",
                damage.from,
                if damage.bytes == 1 {
                    "1 byte is".to_owned()
                } else {
                    format!("{} bytes are", damage.bytes)
                }
            );
        }
    }
}
