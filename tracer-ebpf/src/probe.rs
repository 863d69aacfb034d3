//! What happens at a probe: gate, guard, event.
//!
//! The guard is one bit per context (task, soft interrupt, hard interrupt, NMI) in the task's state. A
//! hit in a context that is already at work is of the tracer's own making, such as the lock that the
//! ring takes: it is dropped and counted apart. An interrupt's hit on top of a task's is kept.

use aya_ebpf::{
    EbpfContext,
    helpers::{bpf_get_current_pid_tgid, bpf_get_func_ip, bpf_get_func_ret, bpf_ktime_get_ns},
    programs::{FEntryContext, FExitContext},
};
use aya_log_ebpf::warn;
use tracer_common::{Event, EventKind};

use crate::{
    batch::{self, Hit, Wake},
    callers, context, depth, gate, hidden,
    maps::{ALL_GUARDS, Cpu, GUARD, OUTSIDE, SWITCH, Task, armed, config, this_cpu},
    task,
};

/// A callee was entered.
#[inline(always)]
pub fn callee_entry(ctx: &FEntryContext) {
    if let Some((number, cpu, task)) = inside_root() {
        entry(ctx, number, cpu, task, false);
    }
}

/// A callee returned.
#[inline(always)]
pub fn callee_exit(ctx: &FExitContext) {
    if let Some((number, cpu, task)) = inside_root() {
        exit(ctx, number, cpu, task, false);
    }
}

/// A hidden function was entered.
#[inline(always)]
pub fn hidden_entry(ctx: &FEntryContext) {
    if let Some((number, cpu, task)) = inside_root() {
        hidden::enter(ctx, number, cpu, task);
    }
}

/// A hidden function returned.
#[inline(always)]
pub fn hidden_exit(ctx: &FExitContext) {
    if let Some((_, _, task)) = inside_root() {
        hidden::leave(ctx, task);
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
pub fn root_entry(ctx: &FEntryContext) {
    let Some((number, cpu)) = this_cpu() else {
        return;
    };
    let mut slot = gate::slot_of_current(cpu);
    let opens = slot == OUTSIDE;
    if opens {
        slot = open(ctx, number, cpu);
    }
    if let Some(task) = task::get(slot) {
        entry(ctx, number, cpu, task, opens);
    }
}

/// A root returned: closes the root call that its entry opened.
#[inline(always)]
pub fn root_exit(ctx: &FExitContext) {
    let Some((number, cpu, task)) = inside_root() else {
        return;
    };
    // SAFETY: a checked map value.
    let closes = unsafe { (*task).root_frame } == ctx.as_ptr() as u64;
    exit(ctx, number, cpu, task, closes);
    if closes {
        close(number, cpu, task);
    }
}

/// Claims a slot for a root call, unless it is filtered out or comes before or after the trace.
#[inline(always)]
fn open(ctx: &FEntryContext, number: u32, cpu: &mut Cpu) -> u32 {
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
            (*task).root_frame = ctx.as_ptr() as u64;
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
fn entry(ctx: &FEntryContext, number: u32, cpu: &mut Cpu, task: *mut Task, opens: bool) {
    if hidden::is_on(task) {
        return;
    }
    let context = context::current(number, cpu);
    let writer = u32::from(context);
    let guard = GUARD << writer;
    // SAFETY: a checked map value; nested contexts leave `busy` and `depth` as they found them.
    unsafe {
        // All guards are set while a root call is being opened.
        if !opens && batch::any(task, guard) {
            cpu.counters.own_hits += 1;
            if (*task).dropped_frame == 0 {
                (*task).dropped_frame = ctx.as_ptr() as u64;
            }
            return;
        }
        batch::set(task, guard);
        let depth = depth::enter(task, ctx);
        if depth < config!(max_depth) {
            let hit = Hit {
                time_ns: bpf_ktime_get_ns(),
                value: 0,
                function: function(ctx),
                depth,
                kind_and_context: Event::pack(EventKind::Entry, context),
            };
            batch::push(number, cpu, task, writer, &hit, Some(ctx));
        }
        batch::flush_if_full(number, cpu, task);
        batch::clear(task, if opens { ALL_GUARDS } else { guard });
    }
}

#[inline(always)]
fn exit(ctx: &FExitContext, number: u32, cpu: &mut Cpu, task: *mut Task, closes: bool) {
    // SAFETY: a helper without arguments. First of all, so that our own work is not in the duration.
    let time_ns = unsafe { bpf_ktime_get_ns() };
    if hidden::hides_exit(ctx, task) && !closes {
        return;
    }
    let context = context::current(number, cpu);
    let mut writer = u32::from(context);
    let guard = GUARD << writer;
    // SAFETY: as in `entry`.
    unsafe {
        if (*task).dropped_frame == ctx.as_ptr() as u64 {
            (*task).dropped_frame = 0;
            cpu.counters.own_hits += 1;
            return;
        }
        let at_work = batch::any(task, guard);
        if at_work {
            // The way out of an interrupt: the count says "task" again, though the task's probe is still interrupted.
            // The entry was kept, so the exit is, too; anything else is the tracer's own doing.
            if !depth::is_innermost(task, ctx) {
                cpu.counters.own_hits += 1;
                return;
            }
            writer = SWITCH;
        }
        // What an interrupt hits behind the root's exit is not in the call: it would come as a batch of a call that has ended.
        batch::set(task, if closes { ALL_GUARDS } else { guard });
        // The exit of the root, and no other, has depth 0, whatever was missed before.
        let depth = if closes { 0 } else { depth::leave(task, ctx) };
        if depth < config!(max_depth) {
            let mut value = 0;
            bpf_get_func_ret(ctx.as_ptr(), &raw mut value);
            let hit = Hit {
                time_ns,
                value,
                function: function(ctx),
                depth,
                kind_and_context: Event::pack(EventKind::Exit, context),
            };
            batch::push(number, cpu, task, writer, &hit, Some(ctx));
        }
        if !at_work && !closes {
            batch::flush_if_full(number, cpu, task);
            batch::clear(task, guard);
        }
    }
}

/// The probed function's address, counted from the kernel's text.
#[inline(always)]
fn function<C: EbpfContext>(ctx: &C) -> u32 {
    // SAFETY: the context is the program's own.
    let address = unsafe { bpf_get_func_ip(ctx.as_ptr()) };
    address.wrapping_sub(config!(text_base)) as u32
}
