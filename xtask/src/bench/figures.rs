//! The figures of one kernel, from what the scripts print.

use std::fmt;

use anyhow::{Context as _, Result};
use serde::Serialize;

/// What one mechanism costs, in instructions per call of a traced function.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Mechanism {
    /// As `tracer --attach` calls it.
    pub name: String,
    /// Calls in a send that the probes see.
    pub calls: f64,
    /// Probes that do nothing.
    pub floor: f64,
    /// Probes that know no root and put each event into the ring for itself; none where they would
    /// lock the machine up.
    pub reserving: Option<f64>,
    /// tracer, in a root call.
    pub inside: f64,
    /// tracer, outside any root call.
    pub outside: f64,
}

/// What was measured on a kernel.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Figures {
    /// Its release.
    pub kernel: String,
    /// Instructions of a send that is not traced.
    pub untraced: f64,
    /// Functions that are attached.
    pub plan: u32,
    /// Each mechanism that the kernel has.
    pub mechanisms: Vec<Mechanism>,
    /// function_graph, in instructions per call, and calls in a send that it sees.
    pub function_graph: (f64, f64),
    /// bpftrace, likewise, with fentry and fexit on a fifth of the functions, as far as it can
    /// attach to them.
    pub bpftrace: (f64, f64),
    /// Printing what was recorded, in instructions per call: `trace-cmd report` of function_graph's
    /// calls.
    pub trace_cmd_report: f64,
    /// `tracer replay` of its own, as the same text.
    pub replay: f64,
    /// What `probes` says of attaching.
    pub attaching: Vec<String>,
    /// How many times faster than pairs other mechanisms attach the most functions that they were
    /// timed with, per function, in the same boot.
    pub faster_than_pairs: Vec<(String, f64)>,
}

impl Figures {
    /// Reads what the two scripts printed.
    pub fn read(kernel: &str, mechanisms: &[&str], calls: &str, attaching: &str) -> Result<Self> {
        let untraced = numbers(calls, "untraced", 1)?[0];
        let mechanisms = mechanisms
            .iter()
            .map(|mechanism| {
                let floor = numbers(calls, &format!("nothing {mechanism}"), 1)?[0];
                let name = format!("reserving {mechanism}");
                let is_skipped = calls.lines().any(|line| line == format!("{name} skipped"));
                let reserving = if is_skipped {
                    None
                } else {
                    Some(numbers(calls, &name, 1)?[0])
                };
                let inside = numbers(calls, &format!("inside {mechanism}"), 3)?;
                let outside = numbers(calls, &format!("outside {mechanism}"), 1)?[0];
                // Each call has an entry and an exit.
                let calls = inside[2] / 2.0 / inside[1];
                Ok(Mechanism {
                    name: (*mechanism).to_owned(),
                    calls,
                    floor: (floor - untraced) / calls,
                    reserving: reserving.map(|time| (time - untraced) / calls),
                    inside: (inside[0] - untraced) / calls,
                    outside: (outside - untraced) / calls,
                })
            })
            .collect::<Result<_>>()?;
        let graph = numbers(calls, "function_graph", 3)?;
        let graph_calls = graph[2] / graph[1];
        let bpftrace = numbers(calls, "bpftrace", 3)?;
        let bpftrace_calls = bpftrace[2] / bpftrace[1];
        let trace_cmd = numbers(calls, "trace-cmd", 2)?;
        let replay = numbers(calls, "replay", 2)?;
        #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
        let plan = numbers(calls, "plan", 1)?[0] as u32;
        Ok(Self {
            kernel: kernel.to_owned(),
            untraced,
            plan,
            mechanisms,
            function_graph: ((graph[0] - untraced) / graph_calls, graph_calls),
            bpftrace: ((bpftrace[0] - untraced) / bpftrace_calls, bpftrace_calls),
            trace_cmd_report: trace_cmd[0] / trace_cmd[1],
            // Each call has an entry and an exit.
            replay: replay[0] / (replay[1] / 2.0),
            attaching: attaching.lines().map(str::to_owned).collect(),
            faster_than_pairs: faster_than_pairs(attaching),
        })
    }
}

/// How long a way takes to attach a function, ms, from the line of `probes` with the most
/// functions.
fn milliseconds_a_function(attaching: &str, mechanism: &str) -> Option<f64> {
    let timings = attaching.lines().filter_map(|line| {
        let rest = line.strip_prefix(mechanism)?.strip_prefix(' ')?;
        let (functions, rest) = rest.split_once(" functions attached in ")?;
        let functions: u32 = functions.parse().ok()?;
        let time: f64 = rest.split_once(" ms")?.0.parse().ok()?;
        Some((functions, time / f64::from(functions)))
    });
    Some(timings.max_by_key(|timing| timing.0)?.1)
}

fn faster_than_pairs(attaching: &str) -> Vec<(String, f64)> {
    let Some(pair) = milliseconds_a_function(attaching, "pair") else {
        return Vec::new();
    };
    ["multi", "kprobe"]
        .into_iter()
        .filter_map(|mechanism| {
            let time = milliseconds_a_function(attaching, mechanism)?;
            Some((mechanism.to_owned(), pair / time))
        })
        .collect()
}

/// The numbers after a word at the beginning of a line, at least so many.
fn numbers(text: &str, word: &str, count: usize) -> Result<Vec<f64>> {
    let rest = text
        .lines()
        .find_map(|line| line.strip_prefix(word)?.strip_prefix(' '))
        .with_context(|| format!("the guest did not say `{word}`:\n{text}"))?;
    let numbers: Vec<f64> = rest
        .split(' ')
        .filter_map(|number| number.parse().ok())
        .collect();
    anyhow::ensure!(
        numbers.len() >= count,
        "the guest said `{word} {rest}`, which is too little:\n{text}"
    );
    Ok(numbers)
}

impl fmt::Display for Figures {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            out,
            "{}: a send of 1 byte over loopback TCP, {:.0} instructions untraced; {} functions \
            attached",
            self.kernel, self.untraced, self.plan
        )?;
        writeln!(out, "  instructions per call")?;
        for mechanism in &self.mechanisms {
            writeln!(
                out,
                "  {:<15} {:>4.0} calls  floor {:>5.0}  in a root {:>5.0} ({:.2} x floor)  outside \
                {:>5.0} ({:.2} x floor)  an event each {:>5}",
                mechanism.name,
                mechanism.calls,
                mechanism.floor,
                mechanism.inside,
                mechanism.inside / mechanism.floor,
                mechanism.outside,
                mechanism.outside / mechanism.floor,
                mechanism
                    .reserving
                    .map_or_else(|| "-".to_owned(), |cost| format!("{cost:.0}"))
            )?;
        }
        for (name, (cost, calls)) in [
            ("function_graph", self.function_graph),
            ("bpftrace", self.bpftrace),
        ] {
            writeln!(out, "  {name:<15} {calls:>4.0} calls  {cost:>5.0}")?;
        }
        writeln!(
            out,
            "  printing a recording, instructions per call: trace-cmd report {:.0}, tracer replay \
            {:.0}",
            self.trace_cmd_report, self.replay
        )?;
        for line in &self.attaching {
            writeln!(out, "  {line}")?;
        }
        for (mechanism, times) in &self.faster_than_pairs {
            writeln!(
                out,
                "  {mechanism} attaches {times:.0} times as fast as pairs, per function"
            )?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[allow(clippy::cast_possible_truncation)]
    fn costs_are_per_call() {
        let calls = "untraced 1000\nplan 7\nnothing pair 3000\nreserving pair 4000\ninside pair 5000 2 40\noutside pair 2000\nfunction_graph 21000 2 20\nbpftrace 31000 2 20\ntrace-cmd 6000 3\nreplay 800 8\n";
        let figures = Figures::read("6.1", &["pair"], calls, "pair 1 functions\n").unwrap();
        let mechanism = &figures.mechanisms[0];
        let found = [
            mechanism.calls,
            mechanism.floor,
            mechanism.reserving.unwrap(),
            mechanism.inside,
            mechanism.outside,
        ];
        assert_eq!(
            found.map(f64::round).map(|cost| cost as i64),
            [10, 200, 300, 400, 100]
        );
        assert_eq!(format!("{:?}", figures.function_graph), "(2000.0, 10.0)");
        assert_eq!(format!("{:?}", figures.bpftrace), "(3000.0, 10.0)");
        let printing = [figures.trace_cmd_report, figures.replay];
        assert_eq!(format!("{printing:?}"), "[2000.0, 200.0]");
        assert!(Figures::read("6.1", &["multi"], calls, "").is_err());
        // Skipped where the guest says so, and not where it says nothing.
        let skipped = calls.replace("reserving pair 4000", "reserving pair skipped");
        let figures = Figures::read("6.1", &["pair"], &skipped, "").unwrap();
        assert_eq!(figures.mechanisms[0].reserving, None);
        let silent = calls.replace("reserving pair 4000", "reserving pair ");
        assert!(Figures::read("6.1", &["pair"], &silent, "").is_err());
    }

    #[test]
    fn ways_are_compared_with_pairs_per_function() {
        let attaching = "multi 100 functions attached in 100.0 ms, let go in 1.0 ms\n\
            multi 1000 functions attached in 500.0 ms, let go in 1.0 ms\n\
            pair 100 functions attached in 2000.0 ms, let go in 1.0 ms\nprompt back 10 ms after Ctrl-C\n";
        assert_eq!(
            faster_than_pairs(attaching),
            [("multi".to_owned(), 2000.0 / 100.0 / (500.0 / 1000.0))]
        );
        assert_eq!(faster_than_pairs("multi failed\n"), []);
    }
}
