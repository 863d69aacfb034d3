//! `--hide`: the line of a call goes, and what it called stays, one level up.
//!
//! The root has its line always: the tree hangs on it.

use super::Names;
use crate::model::{FunctionTable, Node};

/// Takes the calls of some functions out of a tree.
pub fn hide(nodes: &mut Vec<Node>, names: &Names, functions: &FunctionTable) {
    // The depths, before anything was taken out, of the calls around that are.
    let mut around: Vec<u32> = Vec::new();
    nodes.retain_mut(|node| {
        let depth = node.depth();
        while around.last().is_some_and(|&above| above >= depth) {
            around.pop();
        }
        let up = u32::try_from(around.len()).unwrap_or(depth);
        match node {
            Node::Call(call) if depth > 0 && names.has(call.function, functions) => {
                around.push(depth);
                return false;
            }
            Node::Call(call) => call.depth -= up,
            Node::Mark(mark) => mark.depth -= up,
            Node::Gap { depth, .. } => *depth -= up,
        }
        true
    });
}
