# What a traced call costs: the median of a 1-byte send over loopback TCP, untraced and traced in each way, in guest instructions.
# Prints one line a figure, which xtask reads. WAYS is set by xtask.

SENDS=60
export TRACER_CACHE_DIR=/tmp/plans
# In real time, so that tracer's own reading, which wakes up when a send ends, does not count as part of the send: here is one CPU for both.
workload="tracer workload tcp --real-time --size 1 --interval-us 2000 --count $SENDS"

# The time of a send, from what the workload says.
time_of() {
    sed -n 's/.* \([0-9]*\) ns a send.*/\1/p' "$1"
}

$workload 2>/tmp/said
echo "untraced $(time_of /tmp/said)"

# The plan that all that follow have in common.
tracer workload tcp --size 1 --interval-us 5000 2>/dev/null & sender=$!
tracer -G __sys_sendto -p $sender --graph-opts noirqs -n 20 --duration 60s -o /dev/null 2>/tmp/said || cat /tmp/said >&2
kill $sender
wait $sender
tracer list -G __sys_sendto | grep -v 'left out' | awk 'NF > 2 && $2 != "functions:" { print $1 }' >/tmp/plan
echo "plan $(wc -l </tmp/plan)"

# Probes of one that has ended may still be on their way out: let_go waits for them.
let_go() {
    while [ -n "$(head -n 1 /sys/kernel/tracing/enabled_functions)" ]; do sleep 0.2; done
}

for way in $WAYS; do
    /probes $way 10000 /tmp/plan $workload 2>/tmp/said >/tmp/out || cat /tmp/said >&2
    echo "floor $way $(time_of /tmp/said)"
    let_go
    options="--attach $way -G __sys_sendto --learn 0 --graph-opts noirqs -o /dev/null"
    tracer $options -- $workload 2>/tmp/said || cat /tmp/said >&2
    echo "inside $way $(time_of /tmp/said) $(sed -n 's/^tracer: \([0-9]*\) whole calls, [0-9]* partial, \([0-9]*\) events, .*/\1 \2/p' /tmp/said)"
    let_go
    tracer $options --comm nobody -- $workload 2>/tmp/said || cat /tmp/said >&2
    echo "outside $way $(time_of /tmp/said)"
    let_go
done

cd /sys/kernel/tracing
echo 16384 >buffer_size_kb
echo __sys_sendto >set_graph_function
echo function_graph >current_tracer
echo nofuncgraph-irqs >trace_options
$workload 2>/tmp/said
echo 0 >tracing_on
echo "function_graph $(time_of /tmp/said) $(grep -c '|  __sys_sendto() {' trace) $(grep -c '();\|() {' trace)"
