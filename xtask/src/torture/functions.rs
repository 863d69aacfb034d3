//! Which functions are attached: all that tracer would, or what the workloads call.
//!
//! A pair costs 0.1 to 0.25 s a function under emulation, so all of a kernel by pairs would take
//! hours. With pairs those are tried that a user's trace would meet: what tracer learns below the
//! busy roots while all workloads run.

use std::fs;
use std::path::Path;

use anyhow::{Context as _, Result};

use crate::setup::{Emulator, Kernel};

/// Roots, and the work below them; then what tracer learns of it.
const CALLED: &str = concat!(include_str!("work.sh"), include_str!("called.sh"));

/// The functions to attach by this way: of the file if there is one.
pub fn choose(
    emulator: &Emulator,
    kernel: &Kernel,
    mechanism: &str,
    file: Option<&Path>,
) -> Result<Vec<String>> {
    if let Some(file) = file {
        let text =
            fs::read_to_string(file).with_context(|| format!("cannot read {}", file.display()))?;
        return Ok(text.lines().map(str::to_owned).collect());
    }
    let script = if mechanism == super::PAIR_MECHANISM {
        CALLED
    } else {
        "tracer list"
    };
    Ok(attachable(&super::script(emulator, kernel, script)?))
}

/// Those of `tracer list` that are not skipped; its last line is the sum. With roots, it says
/// after each name where that is from.
fn attachable(listed: &str) -> Vec<String> {
    let mut names: Vec<String> = listed
        .lines()
        .filter(|line| !line.contains(" skipped: ") && !line.contains(" functions: "))
        .map(name)
        .collect();
    names.sort_unstable();
    // Several functions with one name are attached together.
    names.dedup();
    names
}

/// The name that a line begins with, `name` or `name [module]`.
fn name(line: &str) -> String {
    let mut words = line.split_whitespace();
    let function = words.next().unwrap_or_default();
    match words.next().filter(|word| word.starts_with('[')) {
        Some(module) => format!("{function} {module}"),
        None => function.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_skipped_is_not_attached() {
        let listed = "b\na\nc                skipped: several functions have this name\na\n3 functions: 2 can be traced, 1 cannot\n";
        assert_eq!(attachable(listed), ["a", "b"]);
        let learned = "d [module]     seen 3 times\nc              seen 10 times\ne              root\n3 functions: 1 roots, 2 under them, 0 skipped\n";
        assert_eq!(attachable(learned), ["c", "d [module]", "e"]);
    }
}
