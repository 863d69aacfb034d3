//! Is a root call of ours, line by line, one that the kernel's tracer printed?
//!
//! Names, nesting and order must be the same. Return values must be, too, where they say something:
//! not addresses, and not what differs from call to call in the kernel's own listing, such as saved
//! flags and what functions that return nothing leave in the register.

use std::collections::{BTreeMap, BTreeSet, HashSet};

use serde::Serialize;

use super::{
    compare::{Without, kept},
    parse::Node,
};

/// Digits after `0x` from which on a value is an address.
const ADDRESS_DIGITS: usize = 9;

/// How many of our root calls the kernel's tracer printed in the same boot.
#[derive(Clone, Debug, Serialize)]
pub struct Identical {
    /// Our root calls.
    pub of: usize,
    /// Those with the same names in the same order and nesting.
    pub names: usize,
    /// Those whose return values are the same as well.
    pub values: usize,
    /// Functions whose values are not, in calls that are the same otherwise.
    pub different_values: BTreeSet<String>,
}

/// A root call: path and value of each call.
type Lines = Vec<(String, Option<String>)>;

/// Compares all of ours with all of the kernel's.
pub fn identical(kernel: &[Vec<Node>], ours: &[Vec<Node>], without: &Without) -> Identical {
    let kernel: Vec<Lines> = kernel.iter().map(|call| lines(call, without)).collect();
    let ours: Vec<Lines> = ours.iter().map(|call| lines(call, without)).collect();
    let telling = telling(&kernel);
    let mut known: BTreeMap<Vec<&str>, Vec<&Lines>> = BTreeMap::new();
    for call in &kernel {
        known.entry(names(call)).or_default().push(call);
    }
    let mut result = Identical {
        of: ours.len(),
        names: 0,
        values: 0,
        different_values: BTreeSet::new(),
    };
    for call in &ours {
        let Some(same) = known.get(&names(call)) else {
            continue;
        };
        result.names += 1;
        let fewest = same
            .iter()
            .map(|other| differences(call, other, &telling))
            .min_by_key(HashSet::len)
            .unwrap_or_default();
        result.values += usize::from(fewest.is_empty());
        let functions = fewest
            .into_iter()
            .filter_map(|path| path.rsplit('/').next());
        result.different_values.extend(functions.map(str::to_owned));
    }
    result
}

fn lines(call: &[Node], without: &Without) -> Lines {
    let calls = kept(call, without).into_iter();
    calls
        .map(|(path, node)| (path, node.value.clone().filter(|value| !is_address(value))))
        .collect()
}

fn names(call: &Lines) -> Vec<&str> {
    call.iter().map(|(path, _)| path.as_str()).collect()
}

fn is_address(value: &str) -> bool {
    value
        .strip_prefix("0x")
        .is_some_and(|digits| digits.len() >= ADDRESS_DIGITS)
}

/// The paths whose value is always the same in the kernel's listing.
fn telling(kernel: &[Lines]) -> HashSet<String> {
    let mut values: BTreeMap<&str, BTreeSet<Option<&str>>> = BTreeMap::new();
    for (path, value) in kernel.iter().flatten() {
        values.entry(path).or_default().insert(value.as_deref());
    }
    let same = values
        .into_iter()
        .filter(|(_, values)| values.len() == 1 && !values.contains(&None));
    same.map(|(path, _)| path.to_owned()).collect()
}

/// The paths whose values differ between two calls with the same names.
fn differences<'a>(ours: &'a Lines, kernel: &Lines, telling: &HashSet<String>) -> HashSet<&'a str> {
    let both = ours.iter().zip(kernel);
    both.filter(|((path, ours), (_, kernel))| ours != kernel && telling.contains(path))
        .map(|((path, _), _)| path.as_str())
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn call(nodes: &[(&str, usize, &str)]) -> Vec<Node> {
        let node = |&(name, depth, value): &(&str, usize, &str)| Node {
            name: name.to_owned(),
            depth,
            value: Some(value.to_owned()),
        };
        nodes.iter().map(node).collect()
    }

    #[test]
    fn order_and_telling_values_count() {
        let kernel = [
            call(&[
                ("r", 0, "0x7"),
                ("a", 1, "0xffff888000000000"),
                ("b", 1, "0x1"),
            ]),
            call(&[
                ("r", 0, "0x7"),
                ("a", 1, "0xffff888000000001"),
                ("b", 1, "0x2"),
            ]),
        ];
        let ours = [
            // Another address, and another value where the kernel's differ.
            call(&[
                ("r", 0, "0x7"),
                ("a", 1, "0xffff888000000002"),
                ("b", 1, "0x3"),
            ]),
            call(&[
                ("r", 0, "0x8"),
                ("a", 1, "0xffff888000000000"),
                ("b", 1, "0x1"),
            ]),
            call(&[
                ("r", 0, "0x7"),
                ("b", 1, "0x1"),
                ("a", 1, "0xffff888000000000"),
            ]),
        ];
        let found = identical(&kernel, &ours, &Without::default());
        assert_eq!((found.of, found.names, found.values), (3, 2, 1));
        assert_eq!(found.different_values, BTreeSet::from(["r".to_owned()]));
    }
}
