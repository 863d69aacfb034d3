//! Frames go to a file, each in one piece.
//!
//! A frame is given to the kernel by one `write`, so a process that is killed leaves whole frames
//! after, but for the one that was being written.

use std::io::{self, Write};

use super::{
    form::{FORM, Frame},
    frame::Packer,
};

/// What a recording begins with; the number of the form follows, four bytes, little-endian. As in a
/// PNG, the first byte is no text and the last ones are spoiled by a program that takes the file
/// for text.
pub const SIGNATURE: [u8; 10] = *b"\x89tracer\r\n\x1a";

/// Bytes before the first frame.
pub const BEGINNING_BYTES: usize = SIGNATURE.len() + size_of::<u32>();

/// Writes a recording.
pub struct Writer<W> {
    out: W,
    packer: Packer,
    written: u64,
}

impl<W: Write> Writer<W> {
    /// Writes what stands before the first frame.
    pub fn new(mut out: W) -> io::Result<Self> {
        let mut beginning = SIGNATURE.to_vec();
        beginning.extend(FORM.to_le_bytes());
        out.write_all(&beginning)?;
        Ok(Self {
            out,
            packer: Packer::new()?,
            written: BEGINNING_BYTES as u64,
        })
    }

    /// Writes a frame. After an error, what was written before is whole.
    pub fn write(&mut self, frame: &Frame) -> io::Result<()> {
        let bytes = self.pack(frame)?;
        self.put(&bytes)
    }

    /// A frame as it would be written.
    pub fn pack(&mut self, frame: &Frame) -> io::Result<Vec<u8>> {
        self.packer.pack(frame)
    }

    /// Writes a frame that was packed.
    pub fn put(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.out.write_all(bytes)?;
        self.written += bytes.len() as u64;
        Ok(())
    }

    /// Bytes that were written, to the end of the last whole frame.
    pub const fn written(&self) -> u64 {
        self.written
    }

    /// Where it was written.
    pub fn into_inner(self) -> W {
        self.out
    }
}
