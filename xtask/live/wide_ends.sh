# A wide trace ends at once and leaves nothing, by Ctrl-C and by SIGKILL, and any number of functions may be roots.
# limit: 480
# only on 6.12, 7.3: the ends of a trace, with and without trampolines

wide || skip_without 'kprobe.session or kprobe.multi'

drive tcp
for signal in INT KILL; do
    trace --complete --no-cache -G tcp_sendmsg
    hear 'tracer: tracing' 60
    within 30 grep -q 'tcp_sendmsg = ' /tmp/out || fail "nothing is traced: $(cat /tmp/err)"
    kill -$signal $tracer
    [ $signal = KILL ] && ends_with 137 || ends_with 0
    nothing_left
done

# It stays wide: nothing is said of narrowing.
! said 'had probes for' || fail "--complete: $(cat /tmp/err)"

# Hundreds of roots, and all functions.
trace --no-cache -G 'tcp_*' --graph-opts depth=1,noirqs -n 20
ends_with 0
calls=$(check_listing) || fail "many roots: $calls"
[ "$calls" = 20 ] || fail "many roots: $calls calls instead of 20"
trace --no-cache -G '*' --graph-opts noirqs -n 200
ends_with 0
[ "$(check_listing)" -ge 100 ] || fail "all functions: $(check_listing) whole calls of 200"
kill $workload
wait $workload || fail "the workload: $(cat /tmp/workload.err)"
nothing_left

# Without the kernel's machine code nobody knows which functions would do harm, so not all have probes.
unshare -m sh -c 'mount --bind /dev/null /proc/kcore; exec tracer --no-cache -G tcp_poll --duration 10ms' >/tmp/out 2>/tmp/err || fail "no kcore: exit status $?: $(cat /tmp/err)"
said 'cannot be read from /proc/kcore.* gentle' || fail "no kcore: $(cat /tmp/err)"
nothing_left
