//! Callers that a probe hides.
//!
//! A function that ends with a jump to another one leaves it its own return address. Where the
//! first one has probes that is no longer its caller's: it leads into the probe, so that the return
//! is seen. Both calls go on in the same place in the end, so the second one's caller is that of
//! the call around it, which function_graph shows, too (`ftrace_graph_top_ret_addr`,
//! kernel/trace/fgraph.c).

use super::stacks;
use crate::model::{FunctionId, FunctionTable, Node, RootCall};

/// Puts the callers of the calls around in the place of probes. One that has none around it keeps
/// what was found: the root was jumped to by a function that has probes for another reason, or
/// somebody else traces it.
pub fn find_excluded(root: &mut RootCall, functions: &FunctionTable) {
    for node in &mut root.nodes {
        if let Node::Call(call) = node {
            stacks::without_probes(call, functions);
        }
    }
    let calls = || {
        root.nodes.iter().filter_map(|node| match node {
            Node::Call(call) => Some(call),
            Node::Mark(_) | Node::Gap { .. } => None,
        })
    };
    if calls().all(|call| call.details.caller().is_none()) {
        return;
    }
    let mut around = Vec::new();
    for node in &mut root.nodes {
        let Node::Call(call) = node else { continue };
        around.truncate(call.depth as usize);
        if let Some(caller) = call.details.caller()
            && is_hook(caller, functions)
            && let Some(&Some(hidden)) = around.last()
        {
            call.details.set_caller(hidden);
        }
        around.push(call.details.caller());
    }
}

/// Whether calls that seem to come from here were made elsewhere: it is what a probe puts in the
/// place of the return address, so a function that the probed one jumps to at its end finds it
/// there. That is an fprobe's (up to 6.13 and since), and a trampoline.
fn is_hook(id: FunctionId, functions: &FunctionTable) -> bool {
    const HOOKS: [&str; 3] = [
        "arch_rethook_trampoline",
        "return_to_handler",
        "bpf_trampoline_",
    ];
    let info = functions.get(id);
    info.is_some_and(|info| HOOKS.iter().any(|hook| info.name.starts_with(hook)))
}
