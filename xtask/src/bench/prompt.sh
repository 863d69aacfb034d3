# How long after Ctrl-C the prompt is back, in guest instructions (a nanosecond each) and the time that the kernel waits: while the trace goes on, and while
# the kernel patches all of its functions for a sampling window, with the plan that was learned.

export TRACER_CACHE_DIR=/tmp/plans
# To a hundredth of a second.
now() { sed 's/\.//; s/ .*//' /proc/uptime; }
# Until tracer says this.
hear() { until grep -qs "$1" /tmp/said; do sleep 0.1; done; }

# Ctrl-C now: prompt WHEN
prompt() {
    begin=$(now)
    kill -INT $tracer
    wait $tracer
    echo "prompt back $((($(now) - begin) * 10)) ms after Ctrl-C $1, $(sed -n 's/^tracer: tracing .*, \([0-9]* functions below\)/\1/p' /tmp/said)"
    while [ -n "$(head -n 1 /sys/kernel/tracing/enabled_functions)" ]; do sleep 0.2; done
}

tracer workload tcp --size 1 --interval-us 20000 2>/dev/null & sender=$!
trace() {
    rm -f /tmp/said
    tracer --gentle -G __sys_sendto -p $sender -v -o /dev/null 2>/tmp/said & tracer=$!
    hear 'tracing __sys_sendto'
}
# The first learns what the second begins with.
trace
sleep 1
prompt 'in a trace'
trace
hear 'sampling all that runs'
prompt 'in a sampling window'
kill $sender
