//! The slow path: guard, depth, event, whatever the case.
//!
//! The guard is one bit per context (task, soft interrupt, hard interrupt, NMI) in the task's
//! state. A hit in a context that is already at work is of the tracer's own making, such as the
//! lock that the ring takes: it is dropped and counted apart. An interrupt's hit on top of a task's
//! is kept.

use aya_ebpf::helpers::bpf_ktime_get_ns;
use tracer_common::{Event, EventKind};

use crate::{
    batch::{self, Hit},
    call::{details, excluded, fields, process, profile, stack},
    maps::{
        ALL_GUARDS, DROPPED, GUARD, SWITCH, Task, config, count_self_recursion, counts_functions,
        wants_stacks_of_roots,
    },
    probe::{Site, context},
    task::{buffers::enter_root, busy, calls},
};

/// A call is entered; `ROOT` says that it is of a root, `opens` that it begins the root call.
#[inline(always)]
pub fn entry<S: Site, const ROOT: bool>(ctx: &S, task: *mut Task, opens: bool) -> bool {
    if excluded::is_on(task) {
        return false;
    }
    let context = context::current();
    let writer = u32::from(context);
    let guard = GUARD << writer;
    // SAFETY: a checked map value; nested contexts leave `busy` and `depth` as they found them.
    unsafe {
        // All guards are set while a root call is being opened.
        if !opens && busy::is_at_work(task, context) {
            count_self_recursion();
            if S::EXIT_ALWAYS_COMES && (*task).dropped_frame == 0 {
                (*task).dropped_frame = ctx.frame();
                busy::set(task, DROPPED);
            }
            return false;
        }
        busy::set(task, guard);
        let depth = calls::enter(task, ctx.frame(), ctx.function_id(), context);
        if counts_functions() {
            profile::enter(task, u64::from(depth));
        } else if depth < config!(max_depth) {
            let hit = Hit {
                time_ns: bpf_ktime_get_ns(),
                value: 0,
                function: ctx.function_id(),
                depth,
                kind_and_context: Event::pack(EventKind::Entry, context),
            };
            if opens {
                enter_root(task, hit.time_ns);
            }
            batch::push(task, writer, &hit, ctx.frame());
            details::store(ctx, task, writer, &hit);
            if ROOT && opens {
                process::store(ctx, task, writer, &hit);
            }
            fields::at_entry(ctx, task, &hit);
            if ROOT && (opens || wants_stacks_of_roots() && !busy::is_on_top(task, guard)) {
                stack::store(ctx, task, writer, &hit);
            }
        }
        batch::flush_if_full(task);
        busy::clear(task, if opens { ALL_GUARDS } else { guard });
    }
    true
}

/// A call returned at `time_ns`; `closes` says that it is the root's and ends the root call.
#[inline(always)]
pub fn exit<S: Site>(ctx: &S, task: *mut Task, time_ns: u64, closes: bool) {
    if excluded::hides_exit(ctx.frame(), task) && !closes {
        return;
    }
    let context = context::current();
    let mut writer = u32::from(context);
    let guard = GUARD << writer;
    // SAFETY: as in `entry`.
    unsafe {
        if (*task).dropped_frame == ctx.frame() {
            (*task).dropped_frame = 0;
            busy::clear(task, DROPPED);
            count_self_recursion();
            return;
        }
        let at_work = busy::is_at_work(task, context);
        if at_work {
            // The way out of an interrupt: the count says "task" again, though the task's probe is
            // still interrupted. The entry was kept, so the exit is, too; anything else is the
            // tracer's own doing.
            if !calls::is_innermost(task, ctx.frame()) {
                count_self_recursion();
                return;
            }
            writer = SWITCH;
        }
        // What an interrupt hits after the root's exit is not in the call: it would come as a
        // batch of a call that has ended.
        busy::set(task, if closes { ALL_GUARDS } else { guard });
        // The exit of the root, and no other, has depth 0, whatever was missed before.
        if counts_functions() {
            count(ctx, task, time_ns, closes);
            if !at_work && !closes {
                busy::clear(task, guard);
            }
            return;
        }
        let depth = if closes {
            0
        } else {
            calls::leave(task, ctx.frame())
        };
        if depth < config!(max_depth) {
            let hit = Hit {
                time_ns,
                value: ctx.value(),
                function: ctx.function_id(),
                depth,
                kind_and_context: Event::pack(EventKind::Exit, context),
            };
            if !at_work {
                fields::at_exit(ctx, task, &hit);
            }
            batch::push(task, writer, &hit, ctx.frame());
        }
        if !at_work && !closes {
            batch::flush_if_full(task);
            busy::clear(task, guard);
        }
    }
}

/// Counts a call that returned, instead of making an event of it. It is open until then: what comes
/// on top of this leaves its clock alone.
#[inline(always)]
unsafe fn count<S: Site>(ctx: &S, task: *mut Task, time_ns: u64, closes: bool) {
    // SAFETY: the caller's checked map value.
    unsafe {
        let open = calls::read(task);
        let depth = if closes {
            0
        } else {
            calls::find(task, ctx.frame())
        };
        if depth >= open {
            return profile::count_without_entry();
        }
        profile::count_without_exit(open - depth - 1);
        if depth < config!(max_depth) {
            if closes {
                profile::leave_root(task, ctx.function_id(), time_ns, ctx.value());
            } else {
                let caller = u64::from(depth).wrapping_sub(1);
                profile::leave_under(task, caller, ctx.function_id(), time_ns, ctx.value());
            }
        }
        if !closes {
            calls::close_from(task, depth);
        }
    }
}
