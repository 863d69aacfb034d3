# Rings that are full: the trees that are there stay right, and what is lost is counted to the last event.
# limit: 240

# How many events the kernel side says were taken, and lost.
events() { sed -n 's/.* partial, \([0-9]*\) events.*/\1/p' /tmp/err; }
lost() { sed -n 's/.* in the kernel .* batches, \([0-9]*\) events lost,.*/\1/p' /tmp/err; }

# A root alone makes two events a call. A sender in real time does not sleep in its sends, and nobody comes before it, so there are no others:
# but for the fair server of kernels from 6.12 on, which lets other tasks that starve run before it (kernel/sched/debug.c).
[ -e /sys/kernel/debug/sched ] || fail "no debugfs"
for runtime in /sys/kernel/debug/sched/fair_server/cpu*/runtime; do
    [ ! -e "$runtime" ] || echo 0 >"$runtime"
done
# The ring holds some forty calls, and the reader sleeps for five seconds of them.
trace --learn 0 -G udp_sendmsg --graph-opts depth=1 --ring-size 4 -v -- tracer workload udp --count 3000 --interval-us 1500 --real-time
hear 'tracer: tracing' 60
sleep 1
kill -STOP $tracer
sleep 5
kill -CONT $tracer
ends_with 0
calls=$(check_listing) || fail "$calls"
[ "$(lost)" -gt 1000 ] || fail "only $(lost) events were lost"
[ $(($(events) + $(lost))) = 6000 ] || fail "$(events) events and $(lost) lost ones are not 6000: $(cat /tmp/err)"
[ "$calls" = $(($(events) / 2)) ] || fail "$calls calls of $(events) events"

# Many functions, and a ring that hardly takes one batch.
drive udp 2000
trace --learn 0 -G __sys_sendto --ring-size 4 -v
hear 'tracer: tracing' 60
kill -STOP $tracer
sleep 1
kill -CONT $tracer
sleep 1
kill -INT $tracer
ends_with 0
calls=$(check_listing) || fail "small: $calls"
[ "$(lost)" -gt 0 ] || fail "nothing was lost"
kill $workload
wait $workload || fail "the workload: $(cat /tmp/workload.err)"
nothing_left
