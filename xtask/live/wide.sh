# All functions have probes from the first root call on, and a trace that is narrowed loses none and doubles none.
# limit: 480

wide || skip_without 'kprobe.session or kprobe.multi'

# What is called once in the whole trace is in the graph, with what nobody has seen before.
trace -v --no-cache -G vfs_mkdir --graph-opts noirqs -- mkdir /tmp/once
ends_with 0
calls=$(check_listing) || fail "once: $calls"
[ "$calls" = 1 ] || fail "once: $calls root calls instead of 1: $(cat /tmp/err)"
[ "$(wc -l </tmp/out)" -gt 50 ] || fail "once: only $(wc -l </tmp/out) lines: $(cat /tmp/out)"
said 'tracer: 1 root call was recorded with probes on all functions$' || fail "once: $(cat /tmp/err)"
nothing_left

# What begins a system call has probes below a root that is before it, and else none.
if [ "$(uname -m)" = x86_64 ]; then
    said 'tracer: skipped __x64_sys_mkdir: a system call begins with it' || fail "a system call's beginning has probes: $(grep x64_sys /tmp/err)"
    # Newer kernels (seen on 6.18 and 7.3) mark it notrace.
    if grep -q '^x64_sys_call$' /sys/kernel/tracing/available_filter_functions; then
        trace --no-cache -G x64_sys_call --graph-opts noirqs -- mkdir /tmp/twice
        ends_with 0
        grep -q '|    __x64_sys_mkdir(.*{$' /tmp/out || fail "not below x64_sys_call: $(grep -c x64_sys_call /tmp/out) calls, $(cat /tmp/err)"
        nothing_left
    fi
fi

# Without a root, the whole command.
trace --no-cache --graph-opts noirqs -- sleep 0.1
ends_with 0
check_listing >/tmp/calls || fail "a command: $(cat /tmp/calls)"
grep -q "${sys}clock_nanosleep() {$" /tmp/out || fail "a command: no clock_nanosleep in $(wc -l </tmp/out) lines"
# The mark stands for more than 100 ms.
grep -q '@ [0-9.]* us .*} /\* hrtimer_nanosleep = 0 \*/ /\* off-cpu [0-9.]* ms' /tmp/out || fail "a command: $(grep nanosleep /tmp/out)"
nothing_left

# Every root call of a known number is there once, across every change of the set of probes. On a busy host the reader comes late: the rings have room.
trace -v --no-cache --wide-every 1s --ring-size 65536 -G udp_sendmsg --graph-opts noirqs -- tracer workload udp --count 3000 --interval-us 10000
ends_with 0
whole=$(sed -n 's/^tracer: \([0-9]*\) whole calls*.*/\1/p' /tmp/err)
partial=$(sed -n 's/.* whole calls*, \([0-9]*\) partial.*/\1/p' /tmp/err)
skipped=$(sed -n 's/.* making, \([0-9]*\) skipped.*/\1/p' /tmp/err)
# A root is skipped where an interrupt calls it in the middle of another probe, and that is said.
[ $((whole + partial + $(skipped_roots))) = 3000 ] || fail "changes: $whole and $partial root calls are not 3000: $(grep -v ' skipped ' /tmp/err)"
# Where the kernel preempts tasks a probe of a trampoline can be preempted, and what another task calls there meanwhile is skipped, and counted.
said ', 0 events lost' && [ "$partial" -le "$((skipped / 100))" ] || fail "changes: $(grep whole /tmp/err), $skipped skipped"
[ "$(grep -c '} /\* udp_sendmsg = ' /tmp/out)" -ge "$whole" ] || fail "changes: $(grep -c '} /\* udp_sendmsg = ' /tmp/out) ends of $whole calls"
said 'functions had probes for ' || fail "changes: it was never narrowed: $(cat /tmp/err)"
set -- $(sed -n 's/^tracer: \([0-9]*\) root calls* w[a-z]* recorded .* functions, \([0-9]*\) with .*/\1 \2/p' /tmp/err)
[ "$#" = 2 ] && [ $(($1 + $2)) = $((whole + partial)) ] && [ "$1" -ge 32 ] && [ "$2" -gt 0 ] || fail "changes: $(cat /tmp/err)"
nothing_left
