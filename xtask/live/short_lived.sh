# The first to call the root has ended before it can be sampled; another is, when it calls.
# only on 6.18: how tasks are found is the same on every kernel
# limit: 240

trace --learn 30s -G udp_sendmsg -n 5
instance=/sys/kernel/tracing/instances
# Callers are asked for when the root alone is watched.
watches() { grep -qsx udp_sendmsg $instance/*/set_ftrace_filter && [ "$(cat $instance/*/tracing_on)" = 1 ]; }
within 30 watches || fail "the root is not watched: $(cat /tmp/err)"
tracer workload udp --count 2 2>/dev/null
# Then all that these tasks call.
samples() { grep -qs '^[0-9]' $instance/*/set_ftrace_pid; }
within 30 samples || fail "nobody is sampled: $(cat /tmp/err)"
drive udp
ends_with 0
said 'learned [0-9]* functions* from [0-9]* calls*' || fail "nothing is learned: $(cat /tmp/err)"
kill $workload
wait $workload || fail "the workload: $(cat /tmp/workload.err)"
nothing_left 60
