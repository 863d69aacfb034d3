# Idle tasks, which all have number 0, do not tear each other's root calls, and a root in the middle of a task switch takes no slot of another.
# limit: 240

# Each CPU has an idle task, and its last call is open at the end.
trace --learn 0 -G do_idle --graph-opts depth=1 --duration 3s
ends_with 0
whole=$(sed -n 's/^tracer: \([0-9]*\) whole calls*.*/\1/p' /tmp/err)
partial=$(sed -n 's/.* whole calls*, \([0-9]*\) partial.*/\1/p' /tmp/err)
[ "$whole" -ge 10 ] && [ "$partial" -le "$(nproc)" ] || fail "idle: $whole whole and $partial partial calls: $(cat /tmp/err)"

# Between the tracepoint sched_switch and the switch the going task still runs: this is called there (context_switch in kernel/sched/core.c).
case $(uname -m) in
x86_64) in_switch=switch_mm_irqs_off ;;
aarch64) in_switch=check_and_switch_context ;;
esac
# Each round is a receive, and there is one more at the end. A listing may show one in two lines, so the summary says how many were whole.
trace -a --learn 0 -G $in_switch -G __sys_recvfrom --graph-opts depth=1 -- tracer workload sleep --count 150 --interval-us 20000
ends_with 0
! said 'root calls were not traced' || fail "slots leak: $(cat /tmp/err)"
whole=$(sed -n 's/^tracer: \([0-9]*\) whole calls*.*/\1/p' /tmp/err)
# A switch may be under way at the end.
partial=$(sed -n 's/.* whole calls*, \([0-9]*\) partial.*/\1/p' /tmp/err)
switches=$(grep -c "|  $in_switch(" /tmp/out) || :
[ "$switches" -gt 0 ] || fail "no root in the switch: $(cat /tmp/err)"
[ "$partial" -le 1 ] && [ $((whole + partial - switches + $(skipped_roots))) = 151 ] ||
    fail "$whole whole root calls and $partial partial, $switches of them in the switch, $(skipped_roots) skipped, of 151 receives: $(cat /tmp/err)"

# A root that an interrupt calls is there, also where what interrupts a root call is skipped.
tick=tick_sched_timer
grep -q " t $tick\$" /proc/kallsyms || tick=tick_nohz_handler
trace --learn 0 -G $tick --graph-opts depth=1,noirqs -n 5 --duration 20s
ends_with 0
said '^tracer: 5 whole calls*' || fail "$tick with noirqs: $(cat /tmp/err)"
nothing_left
