//! Task switches, the last of which is a task's death.
//!
//! At a switch the going task's batch is handed over, so that all events of a batch are of one CPU
//! and a reader that sees a later batch of a task is sure to find the earlier ones. Both sides of
//! the time off the CPU are events.

use core::ptr;

use aya_ebpf::{EbpfContext, programs::BtfTracePointContext};
use tracer_common::{Context, EventKind};

use crate::{
    batch::{self, Wake},
    call::profile,
    maps::{
        ALL_GUARDS, ALL_WRITING, FLUSHING, GUARD, LEAST_DISABLED, OUTSIDE, SWITCHING, Task, config,
        this_cpu,
    },
    root::ends,
    task::{busy, current::current, gate, parked, slots},
};

/// `trace_sched_switch(preempt, prev, next, ...)` in `__schedule` (kernel/sched/core.c): the
/// current task is still `prev`, interrupts are off.
#[inline(always)]
pub fn sched_switch(ctx: &BtfTracePointContext) {
    let cpu = this_cpu();
    let previous_slot = gate::slot_of_current(cpu);
    // SAFETY: an element of the table, which only this CPU changes.
    unsafe {
        if !slots::any_inside() {
            gate::set_both(cpu, OUTSIDE);
            return;
        }
        parked::give_back(ptr::read_volatile(&raw const (*cpu).previous_slot));
        let may_sleep = !is_in_program(ctx);
        let previous_slot = if is_dead(ctx) {
            die(previous_slot)
        } else {
            switch_out(previous_slot, may_sleep)
        };
        // Stored and read back it is a number to the verifier.
        ptr::write_volatile(&raw mut (*cpu).next_task, argument(ctx, NEXT) as u64);
        let next_slot = parked::come(ptr::read_volatile(&raw const (*cpu).next_task));
        if let Some(task) = slots::get(next_slot).filter(|&task| is_within_call(task)) {
            batch::push_of_task(task, EventKind::On);
        }
        if previous_slot == OUTSIDE && next_slot == OUTSIDE {
            gate::set_both(cpu, OUTSIDE);
            return;
        }
        (*cpu).next_slot = next_slot;
        (*cpu).previous_slot = previous_slot;
        gate::set_both(cpu, SWITCHING);
    }
}

/// The task that goes never comes back: its root call, if it is inside one, ends here. That is
/// later than the tracepoint `sched_process_exit`: what `do_exit` does after that is in the graph,
/// and what is called there leaves no slot behind.
#[inline(always)]
fn die(slot: u32) -> u32 {
    if let Some(task) = slots::get(slot) {
        // SAFETY: a checked map value of the current task.
        unsafe { busy::set(task, ALL_GUARDS) };
        batch::push_of_task(task, EventKind::Died);
        profile::count_open(task);
        ends::close(task);
    }
    OUTSIDE
}

/// Marks the going task and hands its batch over. What must be kept of it goes to the table of
/// those that sleep, but the slot serves it until it is off the CPU. Returns [`OUTSIDE`] for a task
/// that has just released its slot and was preempted before it could say so.
#[inline(always)]
fn switch_out(slot: u32, may_sleep: bool) -> u32 {
    let Some(task) = slots::get(slot) else {
        return OUTSIDE;
    };
    // SAFETY: a checked map value of the current task.
    unsafe {
        if (*task).owner != current() {
            return OUTSIDE;
        }
        if !is_within_call(task) {
            return slot;
        }
        batch::push_of_task(task, EventKind::Off);
        // Preempted in the middle of an event or a hand-over: until that is done the task cannot
        // leave this CPU, and so neither can its batch.
        if !busy::any(task, ALL_WRITING | FLUSHING) {
            let guard = GUARD << Context::Task as u32;
            let at_work = busy::any(task, guard);
            busy::set(task, guard);
            batch::flush(task, Wake::Later);
            if !at_work {
                busy::clear(task, guard);
                if may_sleep {
                    parked::park(task);
                }
            }
        }
    }
    slot
}

/// Whether the task that goes was preempted in the middle of a program, which may have its slot at
/// hand. A trampoline's program runs with migration disabled (__bpf_prog_enter_recur,
/// kernel/bpf/trampoline.c; where it does without, preemption is off), and an fprobe's with
/// preemption off. This program is one, too, and may have disabled migration for itself
/// (__bpf_trace_run, kernel/trace/bpf_trace.c; seen on 7.3): what is left then is what tasks have
/// that go by themselves, the least of all. Where the kernel does not say, it may be so whenever
/// the task was preempted.
#[inline(always)]
unsafe fn is_in_program(ctx: &BtfTracePointContext) -> bool {
    // SAFETY: the offset is from the running kernel's BTF; the first argument is a number. The
    // global is the same from all CPUs.
    unsafe {
        let is_preempted = *ctx.as_ptr().cast::<u64>() & 0xff != 0;
        let offset = config!(migration_disabled_offset);
        if offset == 0 {
            return is_preempted;
        }
        let disabled = argument(ctx, PREVIOUS).add(offset as usize).cast::<u16>();
        let disabled = u64::from(*disabled) + 1;
        let least = ptr::read_volatile(LEAST_DISABLED.get());
        if is_preempted {
            return disabled > least;
        }
        if least == 0 || disabled < least {
            ptr::write_volatile(LEAST_DISABLED.get(), disabled);
        }
        false
    }
}

/// Whether the root's entry has been stored and its exit has not. The probe that does either sets
/// all guards, and may be preempted, but stays on this CPU. A batch that is handed over after the
/// exit would come as one of a call that has lost its beginning.
#[inline(always)]
fn is_within_call(task: *mut Task) -> bool {
    // SAFETY: a checked map value. No interrupt is at work at a task switch, so all four guards are
    // set for this reason only.
    unsafe { busy::read(task) & ALL_GUARDS != ALL_GUARDS }
}

/// The tracepoint's arguments that are tasks: the one that goes, and the one that comes.
const PREVIOUS: usize = 1;

const NEXT: usize = 2;

/// A task of the tracepoint's, by a pointer that the verifier trusts.
#[inline(always)]
unsafe fn argument(ctx: &BtfTracePointContext, number: usize) -> *const u8 {
    // SAFETY: the caller names an argument that is a `struct task_struct *`.
    unsafe { *ctx.as_ptr().cast::<*const u8>().add(number) }
}

/// `prev->__state` is `TASK_DEAD` (include/linux/sched.h): set in `do_task_dead`
/// (kernel/sched/core.c), with preemption off, before the last switch.
#[inline(always)]
unsafe fn is_dead(ctx: &BtfTracePointContext) -> bool {
    const TASK_DEAD: u32 = 0x80;
    // SAFETY: the offset is from the running kernel's BTF.
    unsafe {
        let previous = argument(ctx, PREVIOUS);
        let state = previous.add(config!(task_state_offset) as usize);
        *state.cast::<u32>() & TASK_DEAD != 0
    }
}
