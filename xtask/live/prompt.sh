# The prompt does not wait for the kernel: for a sampling window it patches all of its functions, and a process that takes probes away would wait for that.
# only on 6.12: what tracer does at its end
# limit: 180

# Nobody calls the root before, so the first sampling window comes at once.
trace -v --learn 100ms -G sock_poll
hear 'tracer: tracing' 30
drive udp
hear 'tracer: sampling all that runs' 60
kill -INT $tracer
ends_with 0
sampler=$(sed -n 's/^tracer: process \([0-9]*\) switches the function tracer off$/\1/p' /tmp/err)
[ -n "$sampler" ] && [ -e "/proc/$sampler" ] || fail "the prompt waits for the function tracer: $(cat /tmp/err)"
said 'functions* [a-z]* let go by process [0-9]*$' || fail "the prompt waits for probes: $(cat /tmp/err)"
kill $workload
wait $workload || fail "the workload: $(cat /tmp/workload.err)"
nothing_left 60
