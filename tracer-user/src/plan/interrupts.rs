//! What runs at the edges of a hard interrupt.
//!
//! The processor's entry code ([`is_interrupt_entry`](crate::arch::is_interrupt_entry)) and what it
//! calls before and after the interrupt run on the task
//! that was interrupted, in the middle of whatever root call it is in.

/// What runs on the task before and after a hard interrupt: without these, what they call would
/// hang in the graph wherever the interrupt came (kernel/softirq.c, kernel/entry/common.c,
/// kernel/time/hrtimer.c from 7.1 on).
pub const AROUND_INTERRUPTS: &[&str] = &[
    "irq_enter_rcu",
    "irq_exit_rcu",
    "__irq_exit_rcu",
    "irqentry_exit_cond_resched",
    "raw_irqentry_exit_cond_resched",
    "__hrtimer_rearm_deferred",
    "handle_softirqs",
    "__do_softirq",
];
