# Rings that are full: the trees that are there stay right, and what is lost is counted to the last event.
# limit: 240

# How many events the kernel side says were taken, and lost.
events() { sed -n 's/.* partial, \([0-9]*\) events.*/\1/p' /tmp/err; }
lost() { sed -n 's/.* in the kernel .* batches*, \([0-9]*\) events* lost,.*/\1/p' /tmp/err; }

# How often the scheduler took the CPU away from a process, by what `time -v` says of it.
switches() { sed -n 's/.*Involuntary context switches: //p' "$1"; }

# A root alone makes three events a call, the name of the sender's process with them, and two more each time that the scheduler takes the CPU away in the middle of it, as for a stopper thread: no
# priority comes before that. The ring holds some forty calls, and the reader sleeps for five seconds of them.
trace --learn 0 -G udp_sendmsg --comm sender --graph-opts depth=1 --ring-size 4 -v
hear 'tracer: tracing' 60
time -v tracer workload udp --count 3000 --interval-us 1500 --real-time >/tmp/workload.out 2>/tmp/time & workload=$!
sleep 1
kill -STOP $tracer
sleep 5
kill -CONT $tracer
wait $workload || fail "the workload: $(cat /tmp/time)"
kill -INT $tracer
ends_with 0
calls=$(check_listing) || fail "$calls"
[ "$(lost)" -gt 1000 ] || fail "only $(lost) events were lost"
more=$(($(events) + $(lost) - 9000))
[ $more -ge 0 ] && [ $((more % 2)) = 0 ] && [ $more -le $((2 * $(switches /tmp/time))) ] ||
    fail "$(events) events and $(lost) lost ones are not those of 3000 calls and $(switches /tmp/time) switches: $(cat /tmp/err)"
[ "$calls" -ge $((($(events) - more) / 3 - more)) ] && [ "$calls" -le $(($(events) / 3)) ] ||
    fail "$calls calls of $(events) events"

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
