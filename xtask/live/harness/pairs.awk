# Prints each pair `CALLER>CALLEE` of a function graph once: function_graph's of one task, or
# tracer's. What interrupts brought in is cut with all below, as fidelity does it
# (is_interrupt in xtask/src/fidelity/compare.rs).

function came_by_interrupt(name, caller) {
    if (name in always) return 1
    enabling = caller ~ /^(do_softirq|do_softirq[.]part[.]0|__local_bh_enable_ip)$/
    if (name == "__do_softirq") return !enabling
    if (name == "handle_softirqs") return !enabling && caller != "__do_softirq"
    if (name ~ /^(try_to_wake_up|wake_up_process|wakeup_softirqd)$/) {
        return caller ~ /^(handle_softirqs|__do_softirq)$/
    }
    return 0
}

BEGIN {
    split("irq_enter_rcu irq_exit_rcu __irq_exit_rcu idle_cpu irqentry_exit_cond_resched " \
        "raw_irqentry_exit_cond_resched __hrtimer_rearm_deferred run_timer_softirq " \
        "hrtimer_run_softirq rcu_core_si rcu_core sched_balance_softirq run_rebalance_domains " \
        "tasklet_action __traceiter_sched_switch", names, " ")
    for (i in names) always[names[i]] = 1
}

/^#/ || !/[|]  / { next }

{
    match($0, /.*[|]  /)
    text = substr($0, RLENGTH + 1)
    match(text, /^ */)
    level = RLENGTH / 2
    text = substr(text, RLENGTH + 1)
    if (text !~ /^[^ }\/(]+\(/ && text !~ /^[^ }\/(]+ \[[a-z0-9_]+\]\(/) next
    name = text
    sub(/[ (].*/, "", name)
    stack[level] = name
    if (level == 0) { cut = 0; next }
    if (cut && level > cut) next
    cut = 0
    if (came_by_interrupt(name, stack[level - 1])) { cut = level; next }
    pair = stack[level - 1] ">" name
    if (!(pair in seen)) { seen[pair] = 1; print pair }
}
