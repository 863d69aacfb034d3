# Part of the test `marks`: function_graph at the same time as tracer, with the same events.

# function_graph of the command that tracer traces, with the same events.
cat >/tmp/command <<EOF
echo \$\$ >$tracing/set_ftrace_pid
echo \$\$ >$tracing/set_event_pid
echo 1 >$tracing/options/function-fork
echo 1 >$tracing/options/event-fork
echo __sys_sendto >$tracing/set_graph_function
echo 1 >$tracing/options/funcgraph-proc
echo 1 >$tracing/options/latency-format
echo 0 >$tracing/options/funcgraph-irqs
for event in $(echo "$events" | tr , ' '); do echo "\$event" >>$tracing/set_event; done
echo 40960 >$tracing/buffer_size_kb
echo function_graph >$tracing/current_tracer
echo 1 >$tracing/tracing_on
tracer workload tcp --count \$1 --interval-us 2000
echo 0 >$tracing/tracing_on
EOF
trace -G __sys_sendto --learn 3s --graph-opts noirqs -e "$events" sh /tmp/command 120
ends_with 0
cp /tmp/out /tmp/ours
cat $tracing/trace >/tmp/theirs
echo nop >$tracing/current_tracer
for file in set_event set_ftrace_pid set_event_pid set_graph_function; do echo >$tracing/$file; done
for option in function-fork event-fork latency-format funcgraph-proc; do echo 0 >$tracing/options/$option; done
echo 1 >$tracing/options/funcgraph-irqs
all_seen || fail "something is missing: $(cat /tmp/err)"

# Both listings hold what follows to functions that both have. Left out is what differs for other reasons: names of places in the text, addresses, which
# function_graph hides, and an interrupt between the entries of the two tracers, which only one of them sees within the root.
extract() {
    awk -v columns="$2" -v root=__sys_sendto -v known=/tmp/known -f /live/harness/marks.awk "/tmp/$1" |
        sed 's/ \(func\|location\|rx_sk\|mark\)[=:] *[^ ]*//g; s/[0-9a-f]\{16\}/ADDRESS/g' | grep -v ' in __sys_sendto$' >"/tmp/$1.events"
}
awk -v columns=1 -v root=__sys_sendto -v names=/tmp/ours.names -f /live/harness/marks.awk /tmp/ours >/dev/null
awk -v columns=3 -v root=__sys_sendto -v names=/tmp/theirs.names -f /live/harness/marks.awk /tmp/theirs >/dev/null
sort -u /tmp/ours.names >/tmp/ours.sorted
sort -u /tmp/theirs.names >/tmp/theirs.sorted
grep -Fxf /tmp/ours.sorted /tmp/theirs.sorted >/tmp/known
extract ours 1
extract theirs 3
[ "$(wc -l </tmp/ours.events)" -ge 1000 ] || fail "only $(wc -l </tmp/ours.events) events: $(head /tmp/ours.events) $(cat /tmp/err)"
# Whatever tracer marks is where function_graph has it. What it has not, the kernel skipped: it runs no program of perf's in an interrupt
# on top of another one (trace_call_bpf, kernel/trace/bpf_trace.c), and tracer says how many that were.
diff /tmp/ours.events /tmp/theirs.events >/tmp/differences || :
surplus=$(grep -c '^-/' /tmp/differences) || :
missing=$(grep -c '^+/' /tmp/differences) || :
skipped=$(sed -n 's/^tracer: the kernel skipped \([0-9]*\) hits.*/\1/p' /tmp/err)
[ "$surplus" = 0 ] && [ "$missing" -le "${skipped:-0}" ] && [ $((missing * 100)) -le "$(wc -l </tmp/theirs.events)" ] ||
    fail "$surplus too many, $missing missing, ${skipped:-0} skipped, of $(wc -l </tmp/theirs.events): $(head -n 40 /tmp/differences)"
echo "$(wc -l </tmp/ours.events) events in $(wc -l </tmp/known) functions are as function_graph has them, $missing were skipped"
