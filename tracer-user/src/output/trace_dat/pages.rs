//! Events in pages of the kernel's ring buffer (include/linux/ring_buffer.h).
//!
//! A page begins with the time of its first event and the length of what follows. An event has a
//! word with its length in the low five bits, in words, and the time since the one before; a time
//! that has no room there is an event of its own before it.

use super::PAGE;

/// Bytes of a page before its events.
const HEADER: usize = 16;
/// Bits of a time.
const DELTA_BITS: u32 = 27;
/// The kind of an event that is a time (RINGBUF_TYPE_TIME_EXTEND).
const TIME_EXTEND: u32 = 30;
/// The longest event whose length is in its word (RINGBUF_TYPE_DATA_TYPE_LEN_MAX), words.
const MOST_WORDS: usize = 28;

/// The pages of a CPU.
#[derive(Default)]
pub struct Pages {
    done: Vec<u8>,
    /// The page that is being filled, without its header.
    page: Vec<u8>,
    /// When its first event was.
    began: u64,
    /// When its last event was.
    last: u64,
}

impl Pages {
    /// Adds an event, which is no earlier than the one before.
    pub fn add(&mut self, at: u64, event: &[u8]) {
        let mut bytes = self.framed(at, event);
        if HEADER + self.page.len() + bytes.len() > PAGE {
            self.end_page();
        }
        if self.page.is_empty() {
            (self.began, self.last) = (at, at);
            bytes = self.framed(at, event);
        }
        self.page.extend(bytes);
        self.last = at;
    }

    /// All pages.
    pub fn finish(mut self) -> Vec<u8> {
        if !self.page.is_empty() {
            self.end_page();
        }
        self.done
    }

    fn end_page(&mut self) {
        self.done.extend(self.began.to_le_bytes());
        self.done.extend((self.page.len() as u64).to_le_bytes());
        self.done.append(&mut self.page);
        self.done.resize(self.done.len().next_multiple_of(PAGE), 0);
    }

    /// An event with its word, and with the time before it if that is long.
    #[allow(
        clippy::cast_possible_truncation,
        reason = "what is above goes elsewhere"
    )]
    fn framed(&self, at: u64, event: &[u8]) -> Vec<u8> {
        let since = at.saturating_sub(self.last);
        let mut bytes = Vec::with_capacity(event.len() + 16);
        let mut delta = since as u32;
        if since >> DELTA_BITS != 0 {
            let low = since as u32 & ((1 << DELTA_BITS) - 1);
            bytes.extend((low << 5 | TIME_EXTEND).to_le_bytes());
            bytes.extend(((since >> DELTA_BITS) as u32).to_le_bytes());
            delta = 0;
        }
        let words = event.len().div_ceil(4);
        if words <= MOST_WORDS {
            bytes.extend((delta << 5 | words as u32).to_le_bytes());
        } else {
            bytes.extend((delta << 5).to_le_bytes());
            bytes.extend((words as u32 * 4 + 4).to_le_bytes());
        }
        bytes.extend(event);
        bytes.resize(bytes.len().next_multiple_of(4), 0);
        bytes
    }
}
