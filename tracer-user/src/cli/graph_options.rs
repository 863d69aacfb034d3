//! `--graph-opts`, as `perf ftrace` has it.

use anyhow::{Result, bail};

use super::exit::Usage;
use crate::{
    graph::tree::Interrupts,
    output::ftrace::{self, Values},
};

/// What the options say.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct GraphOptions {
    /// `noirqs`
    pub interrupts: Interrupts,
    /// `depth=N`: the number of levels.
    pub depth: Option<u32>,
    /// `tail`, `retval`, `retval-hex`
    pub text: ftrace::Options,
}

/// Options of `perf ftrace` that are known but not there yet.
const NOT_YET: &[&str] = &["nosleep-time", "verbose", "thresh", "args", "retaddr"];

impl GraphOptions {
    /// Reads a comma-separated list.
    pub fn parse(text: &str) -> Result<Self> {
        let mut options = Self::default();
        for item in text
            .split(',')
            .map(str::trim)
            .filter(|item| !item.is_empty())
        {
            let (name, value) = match item.split_once('=') {
                Some((name, value)) => (name, Some(value)),
                None => (item, None),
            };
            match (name, value) {
                ("noirqs", None) => options.interrupts = Interrupts::LeftOut,
                ("tail", None) => options.text.tail = true,
                ("retval", None) => options.text.values = Values::Typed,
                ("retval-hex", None) => options.text.values = Values::Hex,
                ("depth", Some(value)) => options.depth = Some(depth(value)?),
                (name, _) if NOT_YET.contains(&name) => {
                    bail!(Usage(format!(
                        "--graph-opts {name} is not yet there; leave it out"
                    )))
                }
                _ => bail!(Usage(format!(
                    "--graph-opts has no `{item}`; it has noirqs, depth=N, tail, retval, retval-hex"
                ))),
            }
        }
        Ok(options)
    }
}

fn depth(value: &str) -> Result<u32> {
    match value.parse() {
        Ok(depth) if depth > 0 => Ok(depth),
        _ => bail!(Usage(format!(
            "--graph-opts depth={value} makes no sense: give a number of levels, 1 or more"
        ))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_options_are_read() {
        let options = GraphOptions::parse("noirqs,tail, retval-hex,depth=3").unwrap();
        assert_eq!(options.interrupts, Interrupts::LeftOut);
        assert_eq!(options.depth, Some(3));
        assert!(options.text.tail);
        assert_eq!(options.text.values, Values::Hex);
        assert_eq!(GraphOptions::parse("").unwrap(), GraphOptions::default());
    }

    #[test]
    fn what_is_not_there_is_refused_by_name() {
        for (text, words) in [
            ("args", "args is not yet there"),
            ("thresh=10", "thresh is not yet there"),
            ("nonsense", "has no `nonsense`"),
            ("depth=0", "depth=0 makes no sense"),
            ("noirqs=1", "has no `noirqs=1`"),
        ] {
            let error = GraphOptions::parse(text).unwrap_err().to_string();
            assert!(error.contains(words), "{error}");
        }
    }
}
