# A CPU goes and comes back in the middle of a trace.
# limit: 400

online=/sys/devices/system/cpu/cpu1/online
[ -w $online ] || skip_without "a CPU that can be switched off ($online, CONFIG_HOTPLUG_CPU)"
# A dying CPU calls functions when RCU no longer looks at it, and up to 6.13 an fprobe on them uses RCU all the same: lockdep says so, rightly.
! [ -e /proc/lockdep ] || ! grep -q ' fprobe_exit_handler$' /proc/kallsyms ||
    skip_without "an fprobe that lets offline CPUs alone (6.14+) where PROVE_RCU looks"
drive tcp 20000
# Learning goes on meanwhile, with buffers for each CPU. Where there are only pairs it does not: those for all that is learned take minutes
# to come and go.
tracer check >/tmp/check
if grep -q '^ok  *kprobe ' /tmp/check; then
    trace --learn 3s --no-cache -G loopback_xmit --graph-opts noirqs
else
    printf '%s\n' __netif_rx netif_rx_internal enqueue_to_backlog >/tmp/functions
    trace --functions /tmp/functions -G loopback_xmit --graph-opts noirqs
fi
hear 'tracer: tracing' 60
# The listing grows: it is not read, which would take as long as it grows.
grows() {
    before=$(stat -c %s /tmp/out)
    more() { [ "$(stat -c %s /tmp/out)" -gt $((before + 10000)) ]; }
    within 20 more
}
for round in 1 2; do
    echo 0 >$online
    grows || fail "nothing is traced without CPU 1"
    echo 1 >$online
    grows || fail "nothing is traced when CPU 1 is back"
done
kill -INT $tracer
ends_with 0
calls=$(check_listing) || fail "$calls"
# With one CPU for all, a task that is preempted in the middle of a trampoline's program keeps it from the others (docs/kernels.md).
if grep -q '^ok  *multi ' /tmp/check; then
    said ', 0 events lost' || fail "$(cat /tmp/err)"
else
    all_seen || fail "$(cat /tmp/err)"
fi
kill $workload
wait $workload || fail "the workload: $(cat /tmp/workload.err)"
# What runs on CPU 1 is seen, too, if that comes when the trace has begun.
echo 0 >$online
trace --learn 0 -G __sys_recvfrom -C 1
hear 'tracer: tracing' 60
echo 1 >$online
taskset 2 tracer workload sleep --count 5 --interval-us 10000 >/tmp/workload.out 2>/tmp/workload.err || fail "the workload: $(cat /tmp/workload.err)"
kill -INT $tracer
ends_with 0
[ "$(grep -c '^ 1) .*__sys_recvfrom = 1 ' /tmp/out)" -ge 5 ] || fail "CPU 1: $(grep -c '^ 1) .*__sys_recvfrom = 1 ' /tmp/out) of 5 receives: $(cat /tmp/err)"
nothing_left
