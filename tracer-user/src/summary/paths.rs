//! The merged trees of two recordings as one tree by names, each path with the sums of both.
//!
//! A path is its last name and what is above it: that is where it is spelled out, so memory goes
//! with the number of paths and not with their length.

use std::collections::{BTreeMap, HashMap};

use super::{Side, Sums};

/// A path.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PathId(usize);

struct Node {
    /// Its last function's place in the list of names.
    name: usize,
    above: PathId,
    /// By name.
    below: BTreeMap<usize, PathId>,
    sums: [Sums; 2],
}

/// The paths.
pub struct Paths {
    names: Vec<String>,
    /// The first one is above all roots.
    nodes: Vec<Node>,
}

impl Paths {
    /// What is above all roots.
    const TOP: PathId = PathId(0);

    /// The paths of two recordings. Several functions may have one name: they are one here.
    pub fn of(sides: [&Side<'_>; 2]) -> Self {
        let mut paths = Self {
            names: Vec::new(),
            nodes: vec![Node::new(0, Self::TOP)],
        };
        let mut known = HashMap::new();
        for (side, number) in sides.into_iter().zip(0..) {
            let mut around = Vec::new();
            side.merged.walk(&mut |path| {
                let Some((&function, above)) = path.functions.split_last() else {
                    return;
                };
                let name = side.functions.name(function);
                let name = known.get(&*name).copied().unwrap_or_else(|| {
                    paths.names.push(name.clone().into_owned());
                    known.insert(name.into_owned(), paths.names.len() - 1);
                    paths.names.len() - 1
                });
                around.truncate(above.len());
                let place = paths.below(around.last().copied().unwrap_or(Self::TOP), name);
                let node: &mut Node = &mut paths.nodes[place.0];
                node.sums[number].add(&path.sums);
                around.push(place);
            });
        }
        paths
    }

    /// All paths in the order of their names, each before those below it.
    pub fn in_order(&self) -> Vec<PathId> {
        let mut all = Vec::with_capacity(self.nodes.len());
        let mut waiting = vec![Self::TOP];
        while let Some(path) = waiting.pop() {
            if path != Self::TOP {
                all.push(path);
            }
            let below = &self.nodes[path.0].below;
            let mut below: Vec<(&str, PathId)> = below
                .iter()
                .map(|(&name, &path)| (&*self.names[name], path))
                .collect();
            below.sort_unstable_by(|one, other| other.0.cmp(one.0));
            waiting.extend(below.into_iter().map(|(_, path)| path));
        }
        all
    }

    /// The sums over the calls of a path, in the one recording and in the other.
    pub fn sums(&self, path: PathId) -> [Sums; 2] {
        self.nodes[path.0].sums
    }

    /// The functions of a path, the root first.
    pub fn names(&self, mut path: PathId) -> Vec<&str> {
        let mut names = Vec::new();
        while path != Self::TOP {
            let node = &self.nodes[path.0];
            names.push(&*self.names[node.name]);
            path = node.above;
        }
        names.reverse();
        names
    }

    fn below(&mut self, above: PathId, name: usize) -> PathId {
        let new = PathId(self.nodes.len());
        let place = *self.nodes[above.0].below.entry(name).or_insert(new);
        if place == new {
            self.nodes.push(Node::new(name, above));
        }
        place
    }
}

impl Node {
    fn new(name: usize, above: PathId) -> Self {
        Self {
            name,
            above,
            below: BTreeMap::new(),
            sums: [Sums::default(); 2],
        }
    }
}
