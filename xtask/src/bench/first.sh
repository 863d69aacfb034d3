# How long after its start the first graph is there beside a workload that sends fifty times a second, in guest instructions (a nanosecond each): with nothing known,
# and with the plan that this has left. Only where functions are attached one by one; elsewhere `wide.sh` has the time of a start.

tracer check | grep -q '^ok  *kprobe' && exit 0
export TRACER_CACHE_DIR=/tmp/plans
# To a hundredth of a second.
now() { sed 's/\.//; s/ .*//' /proc/uptime; }
tracer workload tcp --size 1 --interval-us 20000 2>/dev/null & sender=$!
for known in 'nothing known' 'the plan known'; do
    rm -f /tmp/graph /tmp/said
    begin=$(now)
    tracer -G __sys_sendto -p $sender >/tmp/graph 2>/tmp/said & tracer=$!
    until grep -qs '|  __sys_sendto() {' /tmp/graph; do usleep 20000; done
    first=$(now)
    echo "first graph after $(((first - begin) * 10)) ms with $known, $(sed -n 's/^tracer: tracing [^,]*, //p' /tmp/said)"
    # Those that come later are there when this is said.
    if grep -q 'as they get their probes' /tmp/said; then
        until grep -q 'all that were known$' /tmp/said; do sleep 0.1; done
        echo "all of the plan after $((($(now) - begin) * 10)) ms"
    fi
    kill -INT $tracer
    wait $tracer
    while [ -n "$(head -n 1 /sys/kernel/tracing/enabled_functions)" ]; do sleep 0.2; done
done
kill $sender
