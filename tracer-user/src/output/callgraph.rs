//! Who calls whom, as a picture: each function once, an arrow to each function that it calls, with
//! how often and for how long. In the languages of Graphviz (`dot`) and of Mermaid, which Markdown
//! pages draw. Written when the trace ends.

use std::{
    collections::BTreeMap,
    io::{self, Write},
};

use crate::{
    model::{FunctionId, FunctionTable, many},
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

/// How a language writes a function and an arrow.
struct Language {
    quoted: fn(&str) -> String,
    function: fn(FunctionId, &str, Sum) -> String,
    arrow: fn(FunctionId, FunctionId, Sum) -> String,
}

impl Language {
    fn write(
        &self,
        merged: &Merged,
        functions: &FunctionTable,
        out: &mut impl Write,
    ) -> io::Result<()> {
        let graph = CallGraph::of(merged);
        for (&function, &sum) in &graph.functions {
            let name = (self.quoted)(&functions.name(function));
            writeln!(out, "    {}", (self.function)(function, &name, sum))?;
        }
        for (&(caller, function), &sum) in &graph.calls {
            writeln!(out, "    {}", (self.arrow)(caller, function, sum))?;
        }
        Ok(())
    }
}

const DOT: Language = Language {
    quoted: |text| {
        escape::visible(text)
            .replace('\\', "\\\\")
            .replace('"', "\\\"")
    },
    function: |FunctionId(id), name, Sum { calls, ns }| {
        format!(
            "f{id:x} [label=\"{name}\\n{}, {}\"];",
            many(calls, "call"),
            span(ns)
        )
    },
    arrow: |FunctionId(caller), FunctionId(id), Sum { calls, ns }| {
        format!(
            "f{caller:x} -> f{id:x} [label=\"{}\\n{}\"];",
            many(calls, "call"),
            span(ns)
        )
    },
};

const MERMAID: Language = Language {
    quoted: |text| {
        let text = escape::visible(text).replace('#', "#35;");
        text.replace('"', "#quot;").replace('<', "#lt;")
    },
    function: |FunctionId(id), name, Sum { calls, ns }| {
        format!(
            "f{id:x}[\"{name}<br/>{}, {}\"]",
            many(calls, "call"),
            span(ns)
        )
    },
    arrow: |FunctionId(caller), FunctionId(id), Sum { calls, ns }| {
        format!(
            "f{caller:x} -->|\"{}, {}\"| f{id:x}",
            many(calls, "call"),
            span(ns)
        )
    },
};

/// Writes what was merged for Graphviz.
pub fn dot(merged: &Merged, functions: &FunctionTable, out: &mut impl Write) -> io::Result<()> {
    writeln!(out, "digraph calls {{\n    node [shape=box];")?;
    DOT.write(merged, functions, out)?;
    writeln!(out, "}}")
}

/// Writes what was merged for Mermaid.
pub fn mermaid(merged: &Merged, functions: &FunctionTable, out: &mut impl Write) -> io::Result<()> {
    writeln!(out, "flowchart TD")?;
    MERMAID.write(merged, functions, out)
}
