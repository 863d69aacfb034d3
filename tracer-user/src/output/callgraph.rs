//! Who calls whom, as a picture: each function once, an arrow to each function that it calls, with
//! how often and for how long. In the languages of Graphviz (`dot`) and of Mermaid, which Markdown
//! pages draw. Written when the trace ends.

use std::{
    collections::BTreeMap,
    io::{self, Write},
};

use crate::{
    model::{FunctionId, FunctionTable},
    summary::Merged,
    values::{escape, span},
};

/// Calls and the time that they took, ns.
#[derive(Clone, Copy, Debug, Default)]
struct Sum {
    calls: u64,
    ns: u64,
}

impl Sum {
    const fn add(&mut self, calls: u64, ns: u64) {
        self.calls = self.calls.saturating_add(calls);
        self.ns = self.ns.saturating_add(ns);
    }
}

/// The functions and who calls whom.
struct CallGraph {
    /// With the time of calls that are not within another call of the function.
    functions: BTreeMap<FunctionId, Sum>,
    calls: BTreeMap<(FunctionId, FunctionId), Sum>,
}

impl CallGraph {
    fn of(merged: &Merged) -> Self {
        let mut graph = Self {
            functions: BTreeMap::new(),
            calls: BTreeMap::new(),
        };
        merged.walk(&mut |path| {
            let Some((&function, above)) = path.functions.split_last() else {
                return;
            };
            let (calls, ns) = (path.sums.calls, path.sums.total.0);
            let is_within = above.contains(&function);
            let whole = if is_within { 0 } else { ns };
            graph
                .functions
                .entry(function)
                .or_default()
                .add(calls, whole);
            if let Some(&caller) = above.last() {
                graph
                    .calls
                    .entry((caller, function))
                    .or_default()
                    .add(calls, ns);
            }
        });
        graph
    }
}

/// Writes what was merged for Graphviz.
pub fn dot(merged: &Merged, functions: &FunctionTable, out: &mut impl Write) -> io::Result<()> {
    let graph = CallGraph::of(merged);
    let quoted = |text: &str| {
        escape::visible(text)
            .replace('\\', "\\\\")
            .replace('"', "\\\"")
    };
    writeln!(out, "digraph calls {{\n    node [shape=box];")?;
    for (function, sum) in &graph.functions {
        let name = quoted(&functions.name(*function));
        writeln!(
            out,
            "    f{:x} [label=\"{name}\\n{} calls, {}\"];",
            function.0,
            sum.calls,
            span(sum.ns)
        )?;
    }
    for ((caller, function), sum) in &graph.calls {
        writeln!(
            out,
            "    f{:x} -> f{:x} [label=\"{} calls\\n{}\"];",
            caller.0,
            function.0,
            sum.calls,
            span(sum.ns)
        )?;
    }
    writeln!(out, "}}")
}

/// Writes what was merged for Mermaid.
pub fn mermaid(merged: &Merged, functions: &FunctionTable, out: &mut impl Write) -> io::Result<()> {
    let graph = CallGraph::of(merged);
    let quoted = |text: &str| {
        let text = escape::visible(text).replace('#', "#35;");
        text.replace('"', "#quot;").replace('<', "#lt;")
    };
    writeln!(out, "flowchart TD")?;
    for (function, sum) in &graph.functions {
        let name = quoted(&functions.name(*function));
        writeln!(
            out,
            "    f{:x}[\"{name}<br/>{} calls, {}\"]",
            function.0,
            sum.calls,
            span(sum.ns)
        )?;
    }
    for ((caller, function), sum) in &graph.calls {
        writeln!(
            out,
            "    f{:x} -->|\"{} calls, {}\"| f{:x}",
            caller.0,
            sum.calls,
            span(sum.ns),
            function.0
        )?;
    }
    Ok(())
}
