//! How a frame lies on disk, and how bytes that are none are told from it.
//!
//! | bytes | |
//! | --- | --- |
//! | 0-3 | [`MARK`], to find the next frame after damaged bytes |
//! | 4-7 | length of the content, bytes |
//! | 8-11 | length of the content as it is stored, bytes |
//! | 12-15 | CRC-32 of bytes 4 to 11 and of the stored content |
//! | 16- | the content: [`Frame`] as postcard writes it, compressed by zstd |
//!
//! Numbers are little-endian. Lengths are limited, so that no bytes whatever make the reader take
//! much memory. The stored content begins by saying the same length of the content (zstd's frame
//! content size), so what takes long to decompress is as long as a frame.

use std::io;

use zstd::zstd_safe;

use super::{form::Frame, sums};

/// What a frame begins with.
pub const MARK: [u8; 4] = [0xf7, b'T', b'R', b'F'];
/// Bytes before the content.
pub const PREFIX_BYTES: usize = 16;
/// The largest content, bytes.
pub const LARGEST_CONTENT: usize = 8 << 20;
/// The largest content as it is stored, bytes: what cannot be compressed grows a little.
pub const LARGEST_STORED: usize = LARGEST_CONTENT + (LARGEST_CONTENT >> 7) + 1024;

/// What zstd takes if nobody chooses. The reader of the rings waits for it.
const LEVEL: i32 = 3;

/// The part of a frame before its content.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Prefix {
    content_bytes: u32,
    /// Length of the content as it is stored, bytes.
    pub stored_bytes: u32,
    checksum: u32,
}

impl Prefix {
    /// Reads it. None if no frame begins so.
    #[must_use]
    pub fn read(bytes: &[u8]) -> Option<Self> {
        let (mark, rest) = bytes.split_first_chunk::<4>()?;
        let (words, _) = rest.get(..PREFIX_BYTES - 4)?.as_chunks::<4>();
        let [content_bytes, stored_bytes, checksum] =
            [words[0], words[1], words[2]].map(u32::from_le_bytes);
        let fits = content_bytes as usize <= LARGEST_CONTENT
            && stored_bytes as usize <= LARGEST_STORED
            && *mark == MARK;
        fits.then_some(Self {
            content_bytes,
            stored_bytes,
            checksum,
        })
    }

    /// Length of the whole frame, bytes.
    #[must_use]
    pub const fn frame_bytes(self) -> usize {
        PREFIX_BYTES + self.stored_bytes as usize
    }

    /// The checksum of a frame whose stored content has this one.
    fn sum(self, of_stored: u32) -> u32 {
        let mut lengths = [0; 8];
        lengths[..4].copy_from_slice(&self.content_bytes.to_le_bytes());
        lengths[4..].copy_from_slice(&self.stored_bytes.to_le_bytes());
        let stored_bytes = u64::from(self.stored_bytes);
        sums::joined(crc32fast::hash(&lengths), of_stored, stored_bytes)
    }

    fn write(self) -> [u8; PREFIX_BYTES] {
        let mut bytes = [0; PREFIX_BYTES];
        let words = [self.content_bytes, self.stored_bytes, self.checksum];
        let parts = std::iter::once(MARK).chain(words.map(u32::to_le_bytes));
        for (place, part) in bytes.chunks_exact_mut(4).zip(parts) {
            place.copy_from_slice(&part);
        }
        bytes
    }
}

/// Makes frames.
pub struct Packer {
    compressor: zstd::bulk::Compressor<'static>,
    content: Vec<u8>,
}

impl Packer {
    /// Nothing is packed yet.
    pub fn new() -> io::Result<Self> {
        Ok(Self {
            compressor: zstd::bulk::Compressor::new(LEVEL)?,
            content: Vec::new(),
        })
    }

    /// The frame as it lies on disk.
    ///
    /// # Errors
    /// If it is larger than a reader would take.
    pub fn pack(&mut self, frame: &Frame) -> io::Result<Vec<u8>> {
        self.content.clear();
        self.content = postcard::to_extend(frame, std::mem::take(&mut self.content))
            .map_err(io::Error::other)?;
        let stored = self.compressor.compress(&self.content)?;
        let too_large = |_| io::Error::other("a frame of a recording is too large");
        if self.content.len() > LARGEST_CONTENT {
            return Err(io::Error::other("a frame of a recording is too large"));
        }
        let mut prefix = Prefix {
            content_bytes: u32::try_from(self.content.len()).map_err(too_large)?,
            stored_bytes: u32::try_from(stored.len()).map_err(too_large)?,
            checksum: 0,
        };
        prefix.checksum = prefix.sum(crc32fast::hash(&stored));
        let mut bytes = Vec::with_capacity(prefix.frame_bytes());
        bytes.extend(prefix.write());
        bytes.extend(stored);
        Ok(bytes)
    }
}

/// Opens frames.
pub struct Unpacker {
    decompressor: zstd::bulk::Decompressor<'static>,
}

impl Unpacker {
    /// Nothing is unpacked yet.
    pub fn new() -> io::Result<Self> {
        Ok(Self {
            decompressor: zstd::bulk::Decompressor::new()?,
        })
    }

    /// The frame whose prefix and stored content these are, and the checksum of that. None if they
    /// are not as they were written.
    pub fn unpack(&mut self, prefix: Prefix, stored: &[u8], sum: u32) -> Option<Frame> {
        let content_bytes = zstd_safe::get_frame_content_size(stored).ok().flatten();
        let says_its_length = content_bytes == Some(prefix.content_bytes.into());
        if prefix.sum(sum) != prefix.checksum || !says_its_length {
            return None;
        }
        let length = prefix.content_bytes as usize;
        let content = self.decompressor.decompress(stored, length).ok()?;
        if content.len() != length {
            return None;
        }
        let (frame, rest) = postcard::take_from_bytes::<Frame>(&content).ok()?;
        let is_sound = match &frame {
            Frame::Data(data)
            | Frame::DataWithFields(data, _)
            | Frame::DataOfProcesses(data, ..) => data.is_sound(),
            Frame::Head(_) | Frame::End(_) | Frame::Missed(_) => true,
        };
        (rest.is_empty() && is_sound).then(|| frame.with_fields())
    }
}
