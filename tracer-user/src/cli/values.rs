//! Values of options: times and sets of CPUs.

use std::time::Duration;

use anyhow::{Result, bail};
use tracer_common::{CpuMask, MAX_CPUS};

use super::exit::Usage;
use crate::{attach::Way, kernel::facts};

/// A time such as `10s`, `500ms`, `2m`; a number alone is seconds.
pub fn duration(text: &str) -> Result<Duration, String> {
    let digits = text.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    let unit = match &text[digits.len()..] {
        "us" => 1e-6,
        "ms" => 1e-3,
        "" | "s" => 1.0,
        "m" | "min" => 60.0,
        "h" => 3600.0,
        other => {
            return Err(format!(
                "`{other}` is no unit of time: use us, ms, s, m or h"
            ));
        }
    };
    digits
        .parse::<f64>()
        .ok()
        .and_then(|number| Duration::try_from_secs_f64(number * unit).ok())
        .ok_or_else(|| format!("`{text}` is no time: write it as 10s or 500ms"))
}

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

/// A way to attach, by its name.
pub fn way(text: &str) -> Result<Way, String> {
    Way::ALL
        .into_iter()
        .find(|way| way.name() == text)
        .ok_or_else(|| {
            format!("`{text}` is no way to attach: use multi, kprobe, kprobe-multi or pair")
        })
}

/// The number of a process or a task. 0 is no process that could be named: every CPU's idle task
/// has it.
pub fn id(text: &str) -> Result<u32, String> {
    match text.parse() {
        Ok(id) if id > 0 => Ok(id),
        _ => Err(format!("`{text}` is no number of a process or a task")),
    }
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

/// A set of CPUs of any machine.
pub fn any_cpus(text: &str) -> Result<CpuMask> {
    cpus_below(text, u32::try_from(MAX_CPUS).unwrap_or(u32::MAX))
}

fn cpus_below(text: &str, possible: u32) -> Result<CpuMask> {
    let mut mask = CpuMask::NONE;
    for part in text.split(',') {
        let (first, last) = part.split_once('-').unwrap_or((part, part));
        let (Ok(first), Ok(last)) = (first.trim().parse::<u32>(), last.trim().parse::<u32>())
        else {
            bail!(Usage(format!(
                "`{part}` is no CPU: write a list such as 0,2-3"
            )));
        };
        if first > last || last >= possible || last as usize >= MAX_CPUS {
            bail!(Usage(format!(
                "CPU {part} is not there: this machine has CPUs 0 to {}",
                possible.saturating_sub(1)
            )));
        }
        for cpu in first..=last {
            mask.words[cpu as usize / 64] |= 1 << (cpu % 64);
        }
    }
    Ok(mask)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_have_units() {
        assert_eq!(duration("10s"), Ok(Duration::from_secs(10)));
        assert_eq!(duration("1.5"), Ok(Duration::from_millis(1500)));
        assert_eq!(duration("500ms"), Ok(Duration::from_millis(500)));
        assert!(duration("soon").is_err());
        assert!(duration("-1s").is_err());
        assert!(duration("5 parsecs").is_err());
    }

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
