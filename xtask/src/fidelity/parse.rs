//! A function graph as text becomes root calls again.
//!
//! The kernel's function_graph and tracer print the same form, so one reader serves both. A root
//! call that is torn (the buffer wrapped, another task came in between) is dropped and counted,
//! never repaired.

use std::collections::BTreeMap;

/// One call in a root call's listing, in the order of entry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Node {
    /// The function's name.
    pub name: String,
    /// Calls around it under the root.
    pub depth: usize,
    /// What it returned, as it is printed.
    pub value: Option<String>,
}

/// Root calls of a listing.
#[derive(Debug, Default)]
pub struct Listing {
    /// Each complete root call: its nodes, the root first.
    pub calls: Vec<Vec<Node>>,
    /// Root calls that were torn.
    pub torn: usize,
}

/// What a listing is like.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Form {
    /// Lines belong together by the task that they name, all of them if they name none, and not by
    /// CPU: a task that moves to another CPU tears nothing.
    pub by_task: bool,
    /// The root never returns: its call ends with its task, or with the listing.
    pub endless: bool,
}

/// Lines that belong together.
#[derive(Default)]
struct Stream {
    nodes: Vec<Node>,
    /// Calls that are open, and their places among the nodes.
    open: Vec<(String, usize)>,
    torn: bool,
}

/// Reads a listing whose roots are called `root`.
pub fn listing(text: &str, root: &str) -> Listing {
    listing_of(Form::default(), text, root)
}

/// Reads a listing of this form.
pub fn listing_of(form: Form, text: &str, root: &str) -> Listing {
    let mut streams: BTreeMap<u32, Stream> = BTreeMap::new();
    let mut result = Listing::default();
    for line in text.lines() {
        let Some((cpu, rest)) = line.trim_start().split_once(')') else {
            continue;
        };
        let Ok(cpu) = cpu.parse::<u32>() else {
            continue;
        };
        let parted = if form.by_task {
            let parted = rest.rsplit_once('|');
            parted.map(|(columns, call)| (task(columns), call))
        } else {
            rest.split_once('|').map(|(_, call)| (cpu, call))
        };
        if let Some((key, call)) = parted {
            let stream = streams.entry(key).or_default();
            stream.line(call.trim(), root, form, &mut result);
        } else if rest.contains("=>") && !form.by_task {
            streams.entry(cpu).or_default().tear(&mut result);
        }
    }
    if form.by_task {
        for stream in streams.values_mut() {
            stream.cut(form, &mut result);
        }
    }
    result
}

/// The task in the columns after the CPU, ` comm-PID | duration `; 0 if there is none.
fn task(columns: &str) -> u32 {
    let label = columns.split_once('|').map(|(label, _)| label.trim());
    let number = label.and_then(|label| label.rsplit_once('-'));
    number
        .and_then(|(_, number)| number.parse().ok())
        .unwrap_or_default()
}

impl Stream {
    fn line(&mut self, call: &str, root: &str, form: Form, result: &mut Listing) {
        if let Some(rest) = call.strip_prefix('}') {
            let name = rest
                .trim()
                .strip_prefix("/* ")
                .and_then(|rest| rest.split([' ', ':']).next())
                .filter(|name| !matches!(*name, "=" | "ret" | "off-cpu"));
            match self.open.pop() {
                Some((open, place))
                    if name.is_none_or(|name| Some(name) == open.split(' ').next()) =>
                {
                    if let Some(node) = self.nodes.get_mut(place) {
                        node.value = value(rest);
                    }
                }
                _ => self.torn = true,
            }
            if self.open.is_empty() {
                self.finish(result);
            }
        } else if call.starts_with("/* the task died here") {
            self.cut(form, result);
        } else if call.starts_with("/*") {
            self.torn |= call.contains("gap") || call.contains("lost") || call.contains("ended");
        } else if let Some((name, rest)) = call.split_once('(') {
            // What the kernel's tracer does not see keeps its mark.
            let name = match name.split_once(" [") {
                Some((plain, _)) if !is_program(name) => plain.to_owned(),
                _ => name.to_owned(),
            };
            let opens = rest.trim_end().ends_with('{');
            if self.open.is_empty() {
                if name != root {
                    return;
                }
                self.nodes.clear();
                self.torn = false;
            }
            self.nodes.push(Node {
                name: name.clone(),
                depth: self.open.len(),
                value: value(rest),
            });
            if opens {
                self.open.push((name, self.nodes.len() - 1));
            } else if self.open.is_empty() {
                self.finish(result);
            }
        }
    }

    fn finish(&mut self, result: &mut Listing) {
        let nodes = std::mem::take(&mut self.nodes);
        if self.torn {
            result.torn += 1;
        } else if !nodes.is_empty() {
            result.calls.push(nodes);
        }
        self.torn = false;
    }

    /// What is open has ended with its task, or with the listing.
    fn cut(&mut self, form: Form, result: &mut Listing) {
        if form.endless && !self.open.is_empty() {
            self.open.clear();
            self.finish(result);
        } else {
            self.tear(result);
        }
    }

    fn tear(&mut self, result: &mut Listing) {
        if !self.open.is_empty() {
            result.torn += 1;
        }
        self.open.clear();
        self.nodes.clear();
        self.torn = false;
    }
}

/// What stands after `= ` or, on some kernels, `ret=` in a remark.
fn value(text: &str) -> Option<String> {
    let (_, remark) = text.split_once("/*")?;
    let (_, value) = remark
        .split_once("ret=")
        .or_else(|| remark.split_once("= "))?;
    Some(value.split_whitespace().next()?.to_owned())
}

/// Whether a name is that of a BPF program.
pub fn is_program(name: &str) -> bool {
    name.ends_with(" [bpf]")
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "\
# tracer: function_graph
 0)               |  root() {
 0)   0.333 us    |    leaf(); /* = 0x0 */
 1)               |  root() {
 0)               |    inner() {
 0)               |      deep() {
 0)   0.1 us      |      } /* off-cpu 90 ns */
 0)   1.2 us      |    } /* inner = 0x7 */
 0) + 12.0 us     |  } /* root = 0x7 */
 1)   1.2 us      |  } /* other = 0x7 */
 0)   1.0 us      |  stray();
";

    #[test]
    fn whole_calls_are_read_and_torn_ones_counted() {
        let listing = listing(TEXT, "root");
        assert_eq!(listing.torn, 1);
        let names: Vec<_> = listing.calls[0]
            .iter()
            .map(|node| (node.name.as_str(), node.depth))
            .collect();
        assert_eq!(names, [("root", 0), ("leaf", 1), ("inner", 1), ("deep", 2)]);
        assert_eq!(listing.calls.len(), 1);
    }

    fn names(listing: &Listing) -> Vec<Vec<&str>> {
        let mut calls = Vec::new();
        for call in &listing.calls {
            calls.push(call.iter().map(|node| node.name.as_str()).collect());
        }
        calls
    }

    const MOVED: &str = "\
 0)    true-12    |               |  root() {
 1)     sh-13     |               |  root() {
 1)    true-12    |   0.333 us    |    leaf();
 1)     sh-13     |   0.333 us    |    other();
 ------------------------------------------
 1)     sh-13     =>    true-12
 ------------------------------------------

 1)    true-12    | + 12.0 us     |  } /* root */
 1)     sh-13     |               |    last() {
";

    #[test]
    fn a_task_may_move_while_others_run() {
        let form = Form {
            by_task: true,
            endless: false,
        };
        let found = listing_of(form, MOVED, "root");
        assert_eq!(names(&found), [["root", "leaf"]]);
        assert_eq!(found.torn, 1);
        assert_eq!(listing(MOVED, "root").calls.len(), 0);
    }

    #[test]
    fn a_root_that_never_returns_ends_with_its_task() {
        let form = Form {
            by_task: true,
            endless: true,
        };
        let found = listing_of(form, MOVED, "root");
        assert_eq!(
            names(&found),
            [vec!["root", "leaf"], vec!["root", "other", "last"]]
        );
        let ours = "\
 0)               |  root() {
 0)   1.0 us      |    leaf();
 0)               |    last() {
 0)               |  /* the task died here */
 0)               |  root() {
 0)   1.0 us      |    leaf();
 0)               |  /* the end of this call was lost */
";
        let found = listing_of(form, ours, "root");
        assert_eq!(names(&found), [["root", "leaf", "last"]]);
        let returning = Form {
            endless: false,
            ..form
        };
        assert_eq!(listing_of(returning, ours, "root").calls.len(), 0);
    }
}
