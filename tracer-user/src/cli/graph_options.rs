//! `--graph-opts`, as `perf ftrace` has it.

use anyhow::{Result, bail};

use super::exit::Usage;
use crate::{
    model::{Arguments, Capture, Interrupts, Nanoseconds, ReturnAddresses, SleepTime},
    output::ftrace::{self, Columns, Values, WallClock},
};

/// What the options say.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct GraphOptions {
    /// `args`, `retaddr`, `depth=N`, `noirqs`
    pub capture: Capture,
    /// `thresh=N`: what a call must take to be shown.
    pub threshold: Option<Nanoseconds>,
    /// `tail`, `walltime`, `retval`, `retval-hex`, `nosleep-time`, `cputime`, `verbose`
    pub text: ftrace::TextOptions,
}

/// Options that are there.
const KNOWN: &str = "noirqs, nosleep-time, cputime, depth=N, thresh=N, tail, verbose, walltime, args, retaddr, retval, retval-hex";

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
                ("noirqs", None) => options.capture.interrupts = Interrupts::Excluded,
                ("tail", None) => options.text.tail = true,
                ("retval", None) => options.text.values = Values::Typed,
                ("retval-hex", None) => options.text.values = Values::Hex,
                ("nosleep-time", None) => options.text.sleep = SleepTime::Excluded,
                ("cputime", None) => options.text.cpu_time = true,
                ("args", None) => options.capture.arguments = Arguments::Recorded,
                ("retaddr", None) => options.capture.callers = ReturnAddresses::Recorded,
                ("verbose", None) => options.text.columns = Columns::All,
                ("walltime", None) => options.text.wall = WallClock::now(),
                ("depth", Some(value)) => options.capture.depth = Some(depth(value)?),
                ("thresh", Some(value)) => options.threshold = Some(threshold(value)?),
                _ => bail!(Usage(format!(
                    "--graph-opts has no `{item}`; it has {KNOWN}"
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

fn threshold(value: &str) -> Result<Nanoseconds> {
    let nanoseconds = value.parse().ok().and_then(|us: u64| us.checked_mul(1000));
    match nanoseconds {
        Some(nanoseconds) if nanoseconds > 0 => Ok(Nanoseconds(nanoseconds)),
        _ => bail!(Usage(format!(
            "--graph-opts thresh={value} makes no sense: give a number of µs, 1 or more"
        ))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_options_are_read() {
        let options = GraphOptions::parse(
            "noirqs,tail, retval-hex,args,retaddr,depth=3,thresh=10,verbose,nosleep-time,cputime",
        )
        .unwrap();
        assert_eq!(options.capture.interrupts, Interrupts::Excluded);
        assert_eq!(options.capture.depth, Some(3));
        assert!(options.text.tail && options.text.cpu_time);
        assert_eq!(options.capture.arguments, Arguments::Recorded);
        assert_eq!(options.capture.callers, ReturnAddresses::Recorded);
        assert_eq!(options.threshold, Some(Nanoseconds(10_000)));
        assert_eq!(options.text.columns, Columns::All);
        assert_eq!(options.text.sleep, SleepTime::Excluded);
        assert_eq!(options.text.values, Values::Hex);
        assert_eq!(GraphOptions::parse("").unwrap(), GraphOptions::default());
    }

    #[test]
    fn what_is_not_there_is_refused_by_name() {
        for (text, words) in [
            ("retaddr=1", "has no `retaddr=1`"),
            ("thresh=0", "thresh=0 makes no sense"),
            ("thresh", "has no `thresh`"),
            ("nonsense", "has no `nonsense`"),
            ("depth=0", "depth=0 makes no sense"),
            ("noirqs=1", "has no `noirqs=1`"),
        ] {
            let error = GraphOptions::parse(text).unwrap_err().to_string();
            assert!(error.contains(words), "{error}");
        }
    }
}
