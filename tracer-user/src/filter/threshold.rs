//! `thresh`: only calls that took long enough, as the kernel's `tracing_thresh`
//! (trace_graph_thresh_return, kernel/trace/trace_functions_graph.c).
//!
//! What a call calls cannot take longer than the call itself, so whole subtrees go. A call of which
//! an end was not seen may have been long: it stays, and so do the marks of what is missing, unless
//! they lie below a call that goes.

use crate::model::{Nanoseconds, Node, SleepTime};

/// Takes out the calls that took less than `threshold`, with all below them.
pub fn prune(nodes: &mut Vec<Node>, threshold: Nanoseconds, sleep: SleepTime) {
    let mut short: Option<u32> = None;
    nodes.retain(|node| {
        if short.is_some_and(|depth| node.depth() > depth) {
            return false;
        }
        let is_short = matches!(node, Node::Call(call)
            if call.duration(sleep).is_some_and(|duration| duration < threshold));
        short = is_short.then_some(node.depth());
        !is_short
    });
}
