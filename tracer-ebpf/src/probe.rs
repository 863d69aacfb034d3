//! What happens at a probe: gate, guard, event. Here is the slow path; a callee of a
//! task that is interrupted by nothing takes the fast one in `fast_path`.
//!
//! The guard is one bit per context (task, soft interrupt, hard interrupt, NMI) in the task's
//! state. A hit in a context that is already at work is of the tracer's own making, such as the
//! lock that the ring takes: it is dropped and counted apart. An interrupt's hit on top of a task's
//! is kept.

use aya_ebpf::helpers::{bpf_get_current_pid_tgid, bpf_ktime_get_ns};
use aya_log_ebpf::warn;
use tracer_common::{Away, Context, Event, EventKind};

use crate::{
    atomic,
    batch::{self, Hit, Wake},
    callers, context, decide, depth, details, excluded, fields, gate,
    maps::{
        self, ALL_GUARDS, DROPPED, GUARD, OUTSIDE, SWITCH, Task, armed, config, cpu_number,
        this_cpu,
    },
    missed, profile,
    site::Site,
    stack, task,
};

/// An excluded function was entered. Like every entry here it says whether the exit belongs to a
/// call that is open.
#[inline(always)]
pub fn excluded_entry<S: Site>(ctx: &S) -> bool {
    inside_root().is_some_and(|task| excluded::enter(ctx.frame(), task))
}

/// An excluded function returned.
#[inline(always)]
pub fn excluded_exit<S: Site>(ctx: &S) {
    if let Some(task) = inside_root() {
        excluded::leave(ctx.frame(), task);
    }
}

/// The state of the current task, if that is inside a root.
#[inline(always)]
pub fn inside_root() -> Option<*mut Task> {
    task::get(gate::slot_of_current(this_cpu()))
}

/// A root was entered: opens a root call, or is a call like any other inside one. An open root call
/// that this entry proves to be over is closed before.
#[inline(always)]
pub fn root_entry<S: Site>(ctx: &S) -> bool {
    let mut slot = gate::slot_of_current(this_cpu());
    if let Some(task) = task::get(slot)
        && missed::is_over(ctx, task)
    {
        missed::close(task);
        slot = OUTSIDE;
    }
    let opens = slot == OUTSIDE;
    if opens {
        slot = open(ctx);
    }
    // No closure: it would be a function of its own, with a frame of its own.
    match task::get(slot) {
        Some(task) => entry::<S, true>(ctx, task, opens),
        None => false,
    }
}

/// A root returned: closes the root call that its entry opened.
#[inline(always)]
pub fn root_exit<S: Site>(ctx: &S) {
    let Some(task) = inside_root() else {
        return;
    };
    // SAFETY: a helper without arguments. First of all, so that our own work is not in the
    // duration.
    let time_ns = unsafe { bpf_ktime_get_ns() };
    // SAFETY: a checked map value.
    let closes = unsafe {
        // At an fprobe the frame is the stack pointer at entry, and a root that the root ends with
        // a jump to has the same.
        (*task).root_frame == ctx.frame() && (*task).root_function == ctx.function()
    };
    exit(ctx, task, time_ns, closes);
    if closes {
        if profile::is_on() {
            // SAFETY: a checked map value.
            profile::count_root_call(unsafe { (*task).generation });
        }
        if decide::drops(ctx, task, time_ns) {
            decide::count();
            leave(task);
        } else {
            close(task);
        }
    }
}

/// Claims a slot for a root call, unless it is filtered out or comes before or after the trace.
#[inline(always)]
fn open<S: Site>(ctx: &S) -> u32 {
    let number = cpu_number();
    let generation = armed();
    if generation == 0 {
        return OUTSIDE;
    }
    let away = if is_unwanted_interrupt() {
        Some(Away::Interrupt)
    } else {
        callers::turn_away(number).or_else(|| fields::turn_away(ctx).then_some(Away::Condition))
    };
    if let Some(reason) = away {
        maps::count_away(number, reason);
        return OUTSIDE;
    }
    let pid_tgid = bpf_get_current_pid_tgid();
    // SAFETY: a helper without arguments.
    let time_ns = unsafe { bpf_ktime_get_ns() };
    let slot = task::claim(task::current(), generation, time_ns, pid_tgid);
    let cpu = this_cpu();
    // SAFETY: a checked map value, and an element of the table, which only this CPU changes; a
    // counter is also changed by who preempts us.
    unsafe {
        if let Some(task) = task::get(slot) {
            (*task).root_frame = ctx.frame();
            (*task).root_function = ctx.function();
            excluded::show(task);
            gate::set_current(cpu, slot);
        } else {
            // The first of each CPU says so: there may be thousands.
            if atomic::fetch_add(&raw mut (*cpu).counters.lost_roots, 1) == 0 {
                warn!(
                    ctx,
                    "no task slot is free for a root call of task {}", pid_tgid as u32
                );
            }
        }
    }
    slot
}

/// Whether the CPU runs for a hard interrupt, and root calls that begin there are not wanted.
#[inline(always)]
fn is_unwanted_interrupt() -> bool {
    config!(not_in_interrupts) != 0 && context::current() > Context::SoftIrq as u8
}

/// Hands over what is left and frees the slot of a root call that is over. The caller has set all
/// guards: whatever is hit from there on, the reader's wake-up first of all, is not in the call.
/// The word comes off before and after: preemption in between would find the slot still owned and
/// set it again.
#[inline(always)]
pub fn close(task: *mut Task) {
    batch::flush(task, Wake::IfMuch);
    leave(task);
}

/// As [`close`], of a root call of which nothing is to be handed over.
#[inline(always)]
fn leave(task: *mut Task) {
    let cpu = this_cpu();
    // SAFETY: a checked map value, ours until it is released; the word is this CPU's.
    unsafe {
        gate::set_current(cpu, OUTSIDE);
        task::release(task);
        gate::set_current(cpu, OUTSIDE);
    }
}

/// Counts a hit of the tracer's own making.
#[inline(always)]
pub fn count_own_hit() {
    let cpu = this_cpu();
    // SAFETY: an element of the table.
    unsafe { atomic::fetch_add(&raw mut (*cpu).counters.own_hits, 1) };
}

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
        if !opens && batch::is_at_work(task, context) {
            count_own_hit();
            if S::EXIT_ALWAYS_COMES && (*task).dropped_frame == 0 {
                (*task).dropped_frame = ctx.frame();
                batch::set(task, DROPPED);
            }
            return false;
        }
        batch::set(task, guard);
        let depth = depth::enter(task, ctx.frame(), function(ctx), context);
        if profile::is_on() {
            profile::enter(task, u64::from(depth));
        } else if depth < config!(max_depth) {
            let hit = Hit {
                time_ns: bpf_ktime_get_ns(),
                value: 0,
                function: function(ctx),
                depth,
                kind_and_context: Event::pack(EventKind::Entry, context),
            };
            batch::push(task, writer, &hit, ctx.frame());
            details::store(ctx, task, writer, &hit);
            fields::at_entry(ctx, task, &hit);
            if ROOT && (opens || stack::is_wanted_of_all() && !batch::is_on_top(task, guard)) {
                stack::store(ctx, task, writer, &hit);
            }
        }
        batch::flush_if_full(task);
        batch::clear(task, if opens { ALL_GUARDS } else { guard });
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
            batch::clear(task, DROPPED);
            count_own_hit();
            return;
        }
        let at_work = batch::is_at_work(task, context);
        if at_work {
            // The way out of an interrupt: the count says "task" again, though the task's probe is
            // still interrupted. The entry was kept, so the exit is, too; anything else is the
            // tracer's own doing.
            if !depth::is_innermost(task, ctx.frame()) {
                count_own_hit();
                return;
            }
            writer = SWITCH;
        }
        // What an interrupt hits after the root's exit is not in the call: it would come as a
        // batch of a call that has ended.
        batch::set(task, if closes { ALL_GUARDS } else { guard });
        // The exit of the root, and no other, has depth 0, whatever was missed before.
        if profile::is_on() {
            count(ctx, task, time_ns, closes);
            if !at_work && !closes {
                batch::clear(task, guard);
            }
            return;
        }
        let depth = if closes {
            0
        } else {
            depth::leave(task, ctx.frame())
        };
        if depth < config!(max_depth) {
            let hit = Hit {
                time_ns,
                value: ctx.value(),
                function: function(ctx),
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
            batch::clear(task, guard);
        }
    }
}

/// Counts a call that returned, instead of making an event of it. It is open until then: what comes
/// on top of this leaves its clock alone.
#[inline(always)]
unsafe fn count<S: Site>(ctx: &S, task: *mut Task, time_ns: u64, closes: bool) {
    // SAFETY: the caller's checked map value.
    unsafe {
        let open = depth::read(task);
        let depth = if closes {
            0
        } else {
            depth::find(task, ctx.frame())
        };
        if depth >= open {
            return profile::count_without_entry();
        }
        profile::count_without_exit(open - depth - 1);
        if depth < config!(max_depth) {
            if closes {
                profile::leave_root(task, function(ctx), time_ns, ctx.value());
            } else {
                let caller = u64::from(depth).wrapping_sub(1);
                profile::leave_under(task, caller, function(ctx), time_ns, ctx.value());
            }
        }
        if !closes {
            depth::close_from(task, depth);
        }
    }
}

/// How an event names the probed function.
#[inline(always)]
pub fn function<S: Site>(ctx: &S) -> u32 {
    ctx.function() as u32
}
