//! What happens at a probe: gate, guard, event.
//!
//! The guard is one bit per context (task, soft interrupt, hard interrupt, NMI) in the task's state. A
//! hit in a context that is already at work is of the tracer's own making, such as the lock that the
//! ring takes: it is dropped and counted apart. An interrupt's hit on top of a task's is kept.

use aya_ebpf::helpers::{bpf_get_current_pid_tgid, bpf_ktime_get_ns};
use aya_log_ebpf::warn;
use tracer_common::{Event, EventKind};

use crate::{
    batch::{self, Hit, Wake},
    callers, context, depth, gate, hidden,
    maps::{ALL_GUARDS, Cpu, GUARD, OUTSIDE, SWITCH, Task, armed, config, this_cpu},
    site::Site,
    task,
};

/// Whether the current task is outside every root.
#[inline(always)]
pub fn is_outside() -> bool {
    this_cpu().is_none_or(|(_, cpu)| gate::slot_of_current(cpu) == OUTSIDE)
}

/// A callee was entered. Like every entry here it says whether the exit belongs to a call that is open.
#[inline(always)]
pub fn callee_entry<S: Site>(ctx: &S) -> bool {
    inside_root().is_some_and(|(number, cpu, task)| entry(ctx, number, cpu, task, false))
}

/// A callee returned.
#[inline(always)]
pub fn callee_exit<S: Site>(ctx: &S) {
    if let Some((number, cpu, task)) = inside_root() {
        exit(ctx, number, cpu, task, false);
    }
}

/// A hidden function was entered.
#[inline(always)]
pub fn hidden_entry<S: Site>(ctx: &S) -> bool {
    inside_root().is_some_and(|(number, cpu, task)| hidden::enter(ctx.frame(), number, cpu, task))
}

/// A hidden function returned.
#[inline(always)]
pub fn hidden_exit<S: Site>(ctx: &S) {
    if let Some((_, _, task)) = inside_root() {
        hidden::leave(ctx.frame(), task);
    }
}

/// The CPU and the state of the current task, if that is inside a root.
#[inline(always)]
fn inside_root() -> Option<(u32, &'static mut Cpu, *mut Task)> {
    let (number, cpu) = this_cpu()?;
    let task = task::get(gate::slot_of_current(cpu))?;
    Some((number, cpu, task))
}

/// A root was entered: opens a root call, or is a call like any other inside one.
#[inline(always)]
pub fn root_entry<S: Site>(ctx: &S) -> bool {
    let Some((number, cpu)) = this_cpu() else {
        return false;
    };
    let mut slot = gate::slot_of_current(cpu);
    let opens = slot == OUTSIDE;
    if opens {
        slot = open(ctx, number, cpu);
    }
    task::get(slot).is_some_and(|task| entry(ctx, number, cpu, task, opens))
}

/// A root returned: closes the root call that its entry opened.
#[inline(always)]
pub fn root_exit<S: Site>(ctx: &S) {
    let Some((number, cpu, task)) = inside_root() else {
        return;
    };
    // SAFETY: a checked map value.
    let closes = unsafe { (*task).root_frame } == ctx.frame();
    exit(ctx, number, cpu, task, closes);
    if closes {
        close(number, cpu, task);
    }
}

/// Claims a slot for a root call, unless it is filtered out or comes before or after the trace.
#[inline(always)]
fn open<S: Site>(ctx: &S, number: u32, cpu: &mut Cpu) -> u32 {
    if !armed() || !callers::current_is_wanted(number) {
        return OUTSIDE;
    }
    let pid_tgid = bpf_get_current_pid_tgid();
    let key = task::key(pid_tgid as u32, number);
    // SAFETY: a helper without arguments.
    let slot = task::claim(key, unsafe { bpf_ktime_get_ns() }, pid_tgid);
    if let Some(task) = task::get(slot) {
        // SAFETY: a checked map value.
        unsafe {
            (*task).root_frame = ctx.frame();
            hidden::show(task);
        }
        cpu.slot = slot;
    } else {
        cpu.counters.lost_roots += 1;
        warn!(
            ctx,
            "no task slot is free for a root call of task {}", pid_tgid as u32
        );
    }
    slot
}

/// Hands over what is left and frees the slot of a root call that is over. The caller has set all guards: whatever is hit
/// from there on, the reader's wake-up first of all, is not in the call. The word comes off before and after: preemption in
/// between would find the slot still owned and set it again.
#[inline(always)]
pub fn close(number: u32, cpu: &mut Cpu, task: *mut Task) {
    // SAFETY: a checked map value, ours until it is released; the word is this CPU's.
    unsafe {
        batch::flush(number, cpu, task, Wake::Now);
        core::ptr::write_volatile(&raw mut cpu.slot, OUTSIDE);
        task::release(task);
        core::ptr::write_volatile(&raw mut cpu.slot, OUTSIDE);
    }
}

#[inline(always)]
fn entry<S: Site>(ctx: &S, number: u32, cpu: &mut Cpu, task: *mut Task, opens: bool) -> bool {
    if hidden::is_on(task) {
        return false;
    }
    let context = context::current(number, cpu);
    let writer = u32::from(context);
    let guard = GUARD << writer;
    // SAFETY: a checked map value; nested contexts leave `busy` and `depth` as they found them.
    unsafe {
        // All guards are set while a root call is being opened.
        if !opens && batch::any(task, guard) {
            cpu.counters.own_hits += 1;
            if S::EXIT_ALWAYS_COMES && (*task).dropped_frame == 0 {
                (*task).dropped_frame = ctx.frame();
            }
            return false;
        }
        batch::set(task, guard);
        let depth = depth::enter(task, ctx.frame());
        if depth < config!(max_depth) {
            let hit = Hit {
                time_ns: bpf_ktime_get_ns(),
                value: 0,
                function: function(ctx),
                depth,
                kind_and_context: Event::pack(EventKind::Entry, context),
            };
            batch::push(number, cpu, task, writer, &hit, ctx.frame());
            arguments(ctx, number, cpu, task, writer, &hit);
        }
        batch::flush_if_full(number, cpu, task);
        batch::clear(task, if opens { ALL_GUARDS } else { guard });
    }
    true
}

#[inline(always)]
fn exit<S: Site>(ctx: &S, number: u32, cpu: &mut Cpu, task: *mut Task, closes: bool) {
    // SAFETY: a helper without arguments. First of all, so that our own work is not in the duration.
    let time_ns = unsafe { bpf_ktime_get_ns() };
    if hidden::hides_exit(ctx.frame(), task) && !closes {
        return;
    }
    let context = context::current(number, cpu);
    let mut writer = u32::from(context);
    let guard = GUARD << writer;
    // SAFETY: as in `entry`.
    unsafe {
        if (*task).dropped_frame == ctx.frame() {
            (*task).dropped_frame = 0;
            cpu.counters.own_hits += 1;
            return;
        }
        let at_work = batch::any(task, guard);
        if at_work {
            // The way out of an interrupt: the count says "task" again, though the task's probe is still interrupted.
            // The entry was kept, so the exit is, too; anything else is the tracer's own doing.
            if !depth::is_innermost(task, ctx.frame()) {
                cpu.counters.own_hits += 1;
                return;
            }
            writer = SWITCH;
        }
        // What an interrupt hits behind the root's exit is not in the call: it would come as a batch of a call that has ended.
        batch::set(task, if closes { ALL_GUARDS } else { guard });
        // The exit of the root, and no other, has depth 0, whatever was missed before.
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
            batch::push(number, cpu, task, writer, &hit, ctx.frame());
        }
        if !at_work && !closes {
            batch::flush_if_full(number, cpu, task);
            batch::clear(task, guard);
        }
    }
}

/// Stores the arguments of the call that `entry` is of, if they are wanted: an event each.
#[inline(always)]
fn arguments<S: Site>(
    ctx: &S,
    number: u32,
    cpu: &mut Cpu,
    task: *mut Task,
    writer: u32,
    entry: &Hit,
) {
    let mut store = |argument: u32, value: Option<u64>| {
        let value = if argument < config!(arguments) {
            value
        } else {
            None
        };
        let Some(value) = value else { return false };
        let hit = Hit {
            value,
            depth: argument,
            kind_and_context: entry.kind_and_context ^ EventKind::Entry as u8
                | EventKind::Argument as u8,
            ..*entry
        };
        batch::push(number, cpu, task, writer, &hit, ctx.frame());
        true
    };
    if config!(arguments) == 0 {
        return;
    }
    // No loop: see `Site::argument`.
    let _ = store(0, ctx.argument::<0>())
        && store(1, ctx.argument::<1>())
        && store(2, ctx.argument::<2>())
        && store(3, ctx.argument::<3>())
        && store(4, ctx.argument::<4>())
        && store(5, ctx.argument::<5>());
}

/// The probed function's address, counted from the kernel's text.
#[inline(always)]
fn function<S: Site>(ctx: &S) -> u32 {
    ctx.function().wrapping_sub(config!(text_base)) as u32
}
