//! The figures of one kernel, from what the scripts print.

use std::fmt;

use anyhow::{Context as _, Result};
use serde::Serialize;

/// What one way to attach costs, in instructions per call of a traced function.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Way {
    /// As `tracer --attach` calls it.
    pub name: String,
    /// Calls in a send that the probes see.
    pub calls: f64,
    /// Probes that do nothing.
    pub floor: f64,
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
    /// Each way that the kernel has.
    pub ways: Vec<Way>,
    /// function_graph, in instructions per call, and calls in a send that it sees.
    pub function_graph: (f64, f64),
    /// What `probes` says of attaching.
    pub attaching: Vec<String>,
}

impl Figures {
    /// Reads what the two scripts printed.
    pub fn read(kernel: &str, ways: &[&str], calls: &str, attaching: &str) -> Result<Self> {
        let untraced = numbers(calls, "untraced", 1)?[0];
        let ways = ways
            .iter()
            .map(|way| {
                let floor = numbers(calls, &format!("floor {way}"), 1)?[0];
                let inside = numbers(calls, &format!("inside {way}"), 3)?;
                let outside = numbers(calls, &format!("outside {way}"), 1)?[0];
                // Each call has an entry and an exit.
                let calls = inside[2] / 2.0 / inside[1];
                Ok(Way {
                    name: (*way).to_owned(),
                    calls,
                    floor: (floor - untraced) / calls,
                    inside: (inside[0] - untraced) / calls,
                    outside: (outside - untraced) / calls,
                })
            })
            .collect::<Result<_>>()?;
        let graph = numbers(calls, "function_graph", 3)?;
        let graph_calls = graph[2] / graph[1];
        #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
        let plan = numbers(calls, "plan", 1)?[0] as u32;
        Ok(Self {
            kernel: kernel.to_owned(),
            untraced,
            plan,
            ways,
            function_graph: ((graph[0] - untraced) / graph_calls, graph_calls),
            attaching: attaching.lines().map(str::to_owned).collect(),
        })
    }
}

/// The numbers behind a word at the beginning of a line, at least so many.
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
            "{}: a send of 1 byte over loopback TCP, {:.0} instructions untraced; {} functions attached",
            self.kernel, self.untraced, self.plan
        )?;
        writeln!(out, "  instructions per call")?;
        for way in &self.ways {
            writeln!(
                out,
                "  {:<15} {:>4.0} calls  floor {:>5.0}  in a root {:>5.0} ({:.2} x floor)  outside {:>5.0} ({:.2} x floor)",
                way.name,
                way.calls,
                way.floor,
                way.inside,
                way.inside / way.floor,
                way.outside,
                way.outside / way.floor
            )?;
        }
        let (cost, calls) = self.function_graph;
        writeln!(
            out,
            "  {:<15} {calls:>4.0} calls  {cost:>5.0}",
            "function_graph"
        )?;
        for line in &self.attaching {
            writeln!(out, "  {line}")?;
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
        let calls = "untraced 1000\nplan 7\nfloor pair 3000\ninside pair 5000 2 40\noutside pair 2000\nfunction_graph 21000 2 20\n";
        let figures = Figures::read("6.1", &["pair"], calls, "pair 1 functions\n").unwrap();
        let way = &figures.ways[0];
        let found = [way.calls, way.floor, way.inside, way.outside];
        assert_eq!(
            found.map(f64::round).map(|cost| cost as i64),
            [10, 200, 400, 100]
        );
        assert_eq!(format!("{:?}", figures.function_graph), "(2000.0, 10.0)");
        assert!(Figures::read("6.1", &["multi"], calls, "").is_err());
    }
}
