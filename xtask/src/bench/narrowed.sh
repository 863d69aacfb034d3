# What a call in a root costs from the wide beginning of a trace to its narrowed rest, in guest instructions: a line every two seconds; and the floor, probes by
# pairs on the functions of the narrowed send that do nothing, in the same boot and divided by the same calls. `cargo xtask bench` builds the example.
#
#     cargo xtask vm --icount --kernel 6.18 --file xtask/src/bench/narrowed.sh \
#         --file target/x86_64-unknown-linux-gnu/dist/examples/probes:/probes -- sh narrowed.sh
#
# The send is one of a byte over loopback TCP, fifty a second, so that tracer's own reading does not count as part of it.

workload="tracer workload tcp --real-time --size 1 --interval-us 20000 --count 100"
begin=$(cut -d' ' -f1 /proc/uptime)
send() { $workload 2>&1 >/dev/null | sed -n 's/.* \([0-9]*\) ns a send.*/\1/p'; }
after() { awk -v begin="$begin" '{ printf "%5.1f s", $1 - begin }' /proc/uptime; }

untraced=$(send)
echo "untraced: $untraced ns a send"
tracer -v --no-cache -G __sys_sendto --graph-opts noirqs -o /tmp/out 2>/tmp/said & tracer=$!
until grep -qs 'tracing __sys' /tmp/said; do sleep 0.1; done
begin=$(cut -d' ' -f1 /proc/uptime)
for step in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15; do
    echo "$(after): $(send) ns a send"
    grep -q 'have pairs' /tmp/said && break
done
for step in 1 2 3; do narrowed=$(send); echo "$(after): $narrowed ns a send"; done
kill -INT $tracer
wait $tracer
tail -n 20000 /tmp/out >/tmp/end
grep -v 'skipped\|DEBUG\|: true\|: false' /tmp/said | grep '^tracer: '
calls=$(($(grep -c '();\|() {' /tmp/end) / $(grep -c '|  __sys_sendto() {' /tmp/end)))
echo "at the end $calls calls in a send, $(((narrowed - untraced) / calls)) ns a call"
[ -e /probes ] || exit 0
while [ -n "$(head -n 1 /sys/kernel/tracing/enabled_functions)" ]; do sleep 0.2; done
sed -n 's/.*| *\([A-Za-z_][A-Za-z0-9_.]*\)()\(;\| {\).*/\1/p' /tmp/end | sort -u >/tmp/plan
/probes nothing pair 10000 /tmp/plan $workload 2>/tmp/said >/tmp/attached || cat /tmp/said
cat /tmp/attached
floor=$(sed -n 's/.* \([0-9]*\) ns a send.*/\1/p' /tmp/said)
echo "floor: $floor ns a send, $(((floor - untraced) / calls)) ns a call; in a root $(((narrowed - untraced) * 100 / (floor - untraced))) % of it"
