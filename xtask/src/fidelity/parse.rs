//! A function graph as text becomes root calls again.
//!
//! The kernel's function_graph and tracer print the same form, so one reader serves both. A root call that
//! is torn (the buffer wrapped, another task came in between) is dropped and counted, never repaired.

use std::collections::HashMap;

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

#[derive(Default)]
struct Cpu {
    nodes: Vec<Node>,
    /// Calls that are open, and their places among the nodes.
    open: Vec<(String, usize)>,
    torn: bool,
}

/// Reads a listing whose roots are called `root`.
pub fn listing(text: &str, root: &str) -> Listing {
    let mut cpus: HashMap<u32, Cpu> = HashMap::new();
    let mut result = Listing::default();
    for line in text.lines() {
        let Some((number, rest)) = line.trim_start().split_once(')') else {
            continue;
        };
        let Ok(number) = number.parse::<u32>() else {
            continue;
        };
        let cpu = cpus.entry(number).or_default();
        if rest.contains("=>") && !rest.contains('|') {
            cpu.tear(&mut result);
            continue;
        }
        if let Some((_, call)) = rest.split_once('|') {
            cpu.line(call.trim(), root, &mut result);
        }
    }
    result
}

impl Cpu {
    fn line(&mut self, call: &str, root: &str, result: &mut Listing) {
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

    fn tear(&mut self, result: &mut Listing) {
        if !self.open.is_empty() {
            result.torn += 1;
        }
        self.open.clear();
        self.nodes.clear();
        self.torn = false;
    }
}

/// What stands behind `= ` or, on some kernels, `ret=` in a remark.
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
}
