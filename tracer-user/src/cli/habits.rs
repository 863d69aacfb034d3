//! Options that people know from other tracers and that tracer does not have: what it says of them.
//!
//! clap finds that an option is not there, and where it knows a similar one it says that. Its other
//! tip, to pass the option as a value, would have tracer run a command of that name; in its place
//! stands what tracer calls what is meant. An option means what it means to `perf ftrace` first,
//! since the rest of the command line is perf's, too; the others are trace-cmd, retsnoop, bpfsnoop,
//! bpftrace and uftrace.

use clap::error::{ContextKind, ContextValue, Error, ErrorKind};

/// An option by all its names, and what to type instead.
type Habit = (&'static [&'static str], &'static str);

const HABITS: &[Habit] = &[
    // perf ftrace
    (
        &["-T", "--trace-funcs"],
        "name the function with -G; `tracer -T` without a sub-command lists entries",
    ),
    (
        &["-N", "--notrace-funcs"],
        "skip a function with all that it calls with -g",
    ),
    (
        &["--func-opts"],
        "name the function with -G; --stack of a trace, or --func-opts call-graph of a listing \
         (`tracer -T`), shows who called it",
    ),
    (
        &["-k", "--kernel"],
        "kernel functions are all that is traced; skip it",
    ),
    (&["-K"], "limit the depth with --graph-depth N"),
    (
        &["-b", "--use-bpf"],
        "it is always BPF, so skip it; the size of a ring in KiB is --ring-size",
    ),
    (
        &["-e", "--events", "--event"],
        "nothing is measured from event to event: name a function with -G; `tracer -e` marks \
         events in a graph",
    ),
    (
        &["-D", "--delay"],
        "a delay is for a trace that is printed at once; limit the depth with --graph-depth",
    ),
    (&["-F", "--funcs"], "functions are listed by `tracer list`"),
    (
        &["-t", "--tracer"],
        "that is for a trace that is printed at once; skip it, or limit the time with \
         --graph-opts thresh=N",
    ),
    (
        &["-m", "--buffer-size"],
        "the rings of a trace have a size, and nothing else has",
    ),
    (
        &["-u", "--uid", "--user"],
        "whose calls are traced is said by -p, --tid, --comm and --cgroup",
    ),
    // trace-cmd
    (&["-P"], "name a process with -p"),
    (&["-M"], "name CPUs with -C, as in -C 0,2-3"),
    (&["-O"], "options of the graph are in --graph-opts"),
    (
        &["-l"],
        "name a function with -G; what it calls is found, and `tracer list` lists what there is",
    ),
    (
        &["-c"],
        "follow what -p starts with --inherit; a command stands at the end, without an option",
    ),
    (&["-i", "-q"], "skip it"),
    (
        &[
            "--max-graph-depth",
            "--fgraph-max-depth",
            "--depth",
            "--max-depth",
        ],
        "limit the depth with --graph-depth N",
    ),
    // retsnoop, bpfsnoop, bpftrace, uftrace
    (
        &["-A", "--args", "--output-arg"],
        "arguments are shown by --graph-opts args",
    ),
    (
        &["-x", "--allow-errors"],
        "name an error with --returns, as in --returns=-EINVAL",
    ),
    (
        &["-X", "--deny-errors"],
        "skip a value with --returns, as in --returns='!=-11'",
    ),
    (
        &["-L", "--longer"],
        "use --slower-than, as in --slower-than 10ms",
    ),
    (
        &["-S", "--success-stacks"],
        "calls that succeed are shown unless --failed is there; skip it",
    ),
    (
        &["--fgraph-exclude", "--notrace"],
        "skip a function with all that it calls with -g",
    ),
    (&["--filter-pid"], "name a process with -p"),
    (&["--limit-events"], "end after so many root calls with -n"),
    (
        &["-f"],
        "the form of the output is said by --format, as in --format json",
    ),
    (&["--time-filter"], "use --graph-opts thresh=N, in µs"),
];

/// Puts what tracer calls an unknown option in the place of the tip to pass it as a value.
pub fn explained(mut error: Error) -> Error {
    if error.kind() != ErrorKind::UnknownArgument {
        return error;
    }
    let Some(ContextValue::String(option)) = error.get(ContextKind::InvalidArg) else {
        return error;
    };
    let option = option.split('=').next().unwrap_or_default();
    if !option.starts_with('-') {
        return error;
    }
    let habit = HABITS.iter().find(|(names, _)| names.contains(&option));
    error.remove(ContextKind::Suggested);
    if let Some((_, instead)) = habit {
        // A name that is only similar is no better than the one that is meant.
        error.remove(ContextKind::SuggestedArg);
        let tip = ContextValue::StyledStrs(vec![(*instead).into()]);
        error.insert(ContextKind::Suggested, tip);
    }
    error
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn no_option_has_two_meanings() {
        let mut seen = BTreeSet::new();
        for name in HABITS.iter().flat_map(|(names, _)| *names) {
            assert!(seen.insert(name), "{name}");
        }
    }
}
