//! What runs at the edges of a hard interrupt.
//!
//! The processor's entry code and what it calls before and behind the interrupt run on the task
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

/// Where x86's entry code calls into the rest of the kernel (arch/x86/kernel/apic,
/// kernel/entry/common.c, kernel/softirq.c).
pub fn is_interrupt_entry(name: &str) -> bool {
    const NAMES: &[&str] = &[
        "__irq_exit_rcu",
        "irq_exit_rcu",
        "common_interrupt",
        "irqentry_exit",
        "irqentry_exit_cond_resched",
        "raw_irqentry_exit_cond_resched",
    ];
    NAMES.contains(&name) || name.starts_with("sysvec_") || name.starts_with("asm_sysvec_")
}
