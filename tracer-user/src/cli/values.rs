//! Values of options: times and sets of CPUs.

use std::time::Duration;

use anyhow::{Result, bail};
use tracer_common::{CpuMask, MAX_CPUS};

use super::exit::Usage;

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

/// The number of a process or a task. 0 is no process that could be named: every CPU's idle task
/// has it.
pub fn id(text: &str) -> Result<u32, String> {
    match text.parse() {
        Ok(id) if id > 0 => Ok(id),
        _ => Err(format!("`{text}` is no number of a process or a task")),
    }
}

/// A set of CPUs of any machine.
pub fn any_cpus(text: &str) -> Result<CpuMask> {
    cpus_below(text, u32::try_from(MAX_CPUS).unwrap_or(u32::MAX))
}

/// A set of CPUs of a machine with so many.
pub fn cpus_below(text: &str, possible: u32) -> Result<CpuMask> {
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
}
