//! What can be typed of the size of the rings: in tracer's words, and in those of `perf ftrace`.
//!
//! perf takes any size and lets the kernel round it up to pages. A BPF ring is a power of two of
//! pages (ringbuf_map_alloc, kernel/bpf/ringbuf.c), so what `-m` asks for is the least that a ring
//! has, as it is with perf.

use anyhow::{Result, bail};
use clap::Args as ClapArgs;

use super::exit::Usage;

/// The smallest ring, in bytes: a page.
const LEAST: u32 = 4 << 10;

/// The largest, in bytes.
const MOST: u32 = 1 << 30;

/// The size of the rings
#[derive(Clone, Copy, Debug, ClapArgs)]
pub struct RingArgs {
    /// Size of each CPU's ring in KiB, a power of two
    #[arg(long, value_name = "KIB", default_value_t = 4096)]
    pub ring_size: u32,
    /// The same with a unit, B, K, M or G, as perf ftrace has it: 64M; rounded up to a power of two
    #[arg(short = 'm', long, value_name = "SIZE", value_parser = ring, conflicts_with = "ring_size")]
    pub buffer_size: Option<u32>,
}

impl Default for RingArgs {
    fn default() -> Self {
        Self {
            ring_size: 4096,
            buffer_size: None,
        }
    }
}

impl RingArgs {
    /// Bytes of each CPU's ring.
    pub fn bytes(self) -> Result<u32> {
        if let Some(bytes) = self.buffer_size {
            return Ok(bytes);
        }
        let bytes = self.ring_size.checked_mul(1024);
        match bytes.filter(|bytes| bytes.is_power_of_two() && (LEAST..=MOST).contains(bytes)) {
            Some(bytes) => Ok(bytes),
            None => bail!(Usage(format!(
                "a ring of {} KiB cannot be made: give a power of two from 4 to 1048576",
                self.ring_size
            ))),
        }
    }
}

/// A size with its unit, in bytes, as the ring will have it.
fn ring(text: &str) -> Result<u32, String> {
    let digits = text.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    let shift = match &text[digits.len()..] {
        "B" => 0,
        "K" => 10,
        "M" => 20,
        "G" => 30,
        _ => {
            return Err(format!(
                "`{text}` is no size with a unit: use B, K, M or G, as in 64M"
            ));
        }
    };
    let number: Option<u64> = digits.parse().ok();
    let Some(number) = number else {
        return Err(format!("`{text}` is no size: write it as 64M"));
    };
    number
        .checked_mul(1 << shift)
        .filter(|&bytes| bytes > 0)
        .and_then(|bytes| u32::try_from(bytes).ok())
        .filter(|&bytes| bytes <= MOST)
        .map(|bytes| bytes.next_power_of_two().max(LEAST))
        .ok_or_else(|| "give each CPU's ring more than nothing and 1G at most".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_ring_has_at_least_what_is_asked_for() {
        for (text, bytes) in [
            ("1B", 4 << 10),
            ("4097B", 8 << 10),
            ("3K", 4 << 10),
            ("64M", 64 << 20),
            ("65M", 128 << 20),
            ("1G", 1 << 30),
        ] {
            assert_eq!(ring(text), Ok(bytes), "{text}");
        }
        for wrong in [
            "",
            "64",
            "M",
            "0M",
            "2G",
            "1T",
            "-1K",
            "18446744073709551615G",
        ] {
            assert!(ring(wrong).is_err(), "{wrong}");
        }
    }
}
