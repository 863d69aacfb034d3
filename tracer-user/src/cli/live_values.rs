//! Values of options that only a trace has: mechanisms, CPUs of this machine, sizes of files,
//! intervals.

use std::time::Duration;

use anyhow::Result;
use tracer_common::CpuMask;

use super::values::{cpus_below, duration};
use crate::kernel::{Mechanism, facts};

/// A time after which something comes again and again.
pub fn interval(text: &str) -> Result<Duration, String> {
    let interval = duration(text)?;
    if interval.is_zero() {
        return Err("an interval of 0 makes no sense: give a time, such as 1s".to_owned());
    }
    Ok(interval)
}

/// The smallest size that a recording can be limited to, bytes.
const LEAST_SIZE: u64 = 64 << 10;

/// A size such as `100M`, in bytes; K, M and G are powers of 1024.
pub fn size(text: &str) -> Result<u64, String> {
    let digits = text.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    let shift = match &text[digits.len()..] {
        "" => 0,
        "K" | "k" => 10,
        "M" => 20,
        "G" => 30,
        other => return Err(format!("`{other}` is no unit of size: use K, M or G")),
    };
    let number: Option<u64> = digits.parse().ok();
    match number.and_then(|number| number.checked_mul(1 << shift)) {
        Some(bytes) if bytes >= LEAST_SIZE => Ok(bytes),
        Some(_) => Err("give a size of 64K or more".to_owned()),
        None => Err(format!("`{text}` is no size: write it as 100M or 2G")),
    }
}

/// A mechanism, by its name.
pub fn mechanism(text: &str) -> Result<Mechanism, String> {
    Mechanism::ALL
        .into_iter()
        .find(|mechanism| mechanism.name() == text)
        .ok_or_else(|| format!("`{text}` is no mechanism: use multi, kprobe, kprobe-multi or pair"))
}

/// A set of CPUs such as `0,2-3`; all without one. Names only CPUs that may be there.
pub fn cpus(text: Option<&str>) -> Result<CpuMask> {
    let Some(text) = text else {
        return Ok(CpuMask::ALL);
    };
    let possible = facts::possible_cpus()
        .ok()
        .and_then(|cpus| cpus.last().map(|last| last + 1))
        .unwrap_or(1);
    cpus_below(text, possible)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_have_units() {
        assert_eq!(size("100M"), Ok(100 << 20));
        assert_eq!(size("2G"), Ok(2 << 30));
        assert_eq!(size("64k"), Ok(64 << 10));
        for wrong in ["", "M", "1K", "-1M", "1T", "1.5G", "18446744073709551615G"] {
            assert!(size(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn cpus_must_be_there() {
        assert_eq!(cpus(None).unwrap(), CpuMask::ALL);
        assert_eq!(cpus(Some("0")).unwrap().words[0], 1);
        for wrong in ["9999", "0-9999", "x", "1-0", ""] {
            assert!(cpus(Some(wrong)).is_err(), "{wrong}");
        }
    }
}
