//! Frames of probes in a stack.
//!
//! What calls a root through a trampoline, because it has a probe itself, stands in the stack with
//! the trampoline's frame after it: that is none of the kernel's own. And where the eBPF side did
//! not find the caller among the frames (tracer-ebpf/src/call/stack.rs), the stack begins with
//! those of tracer's program and its trampoline.

use crate::model::{Call, FunctionId, FunctionTable};

/// Frames among which the trampoline of the root's probe is, if it is there.
const OWN_FRAMES: usize = 12;

/// Takes the frames of probes away.
pub fn without_probes(call: &mut Call, functions: &FunctionTable) {
    let Some(stack) = call.details.stack_mut() else {
        return;
    };
    let named = |id: &FunctionId, prefix: &str| {
        let info = functions.get(*id);
        info.is_some_and(|info| info.name.starts_with(prefix))
    };
    let is_trampoline = |id: &FunctionId| named(id, "bpf_trampoline_");
    let begin = stack.iter().take(OWN_FRAMES);
    let programs = begin.take_while(|id| named(id, "bpf_prog_")).count();
    if programs > 0 && stack.get(programs).is_some_and(is_trampoline) {
        stack.drain(..=programs);
    }
    stack.retain(|id| !is_trampoline(id));
}
