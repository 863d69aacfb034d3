# What a wide trace costs the host, in guest instructions (a nanosecond each): from the start of tracer to the first instruction of a command, and a
# send by a task outside any root call, beside function_graph for the same root; and how soon a trace begins and ends on a busy host, of one CPU
# with 14 tasks. (With two CPUs the emulator runs them in turns, and each of some 500 interrupts between them waits for a turn: 10 s.) Kernels with
# pairs alone print nothing.

T=/sys/kernel/tracing
tracer check | grep -q '^ok  *kprobe' || exit 0
now() { sed 's/\.//; s/ .*//' /proc/uptime; }
hear() { until grep -qs "$1" /tmp/said; do sleep 0.1; done; }
gone() { while [ -n "$(head -n 1 $T/enabled_functions)" ]; do sleep 0.2; done; }
send() { tracer workload unix --size 1 --interval-us 2000 --count 200 2>&1 >/dev/null | sed -n 's/.* \([0-9]*\) ns a send.*/\1/p'; }

begin=$(now)
end=$(tracer --no-cache -G vfs_mkdir -o /dev/null -- cat /proc/uptime 2>/tmp/said | sed 's/\.//; s/ .*//')
echo "wide: a command began $(((end - begin) * 10)) ms after tracer, $(sed -n 's/^tracer: tracing .*, \([0-9]* functions below\).*/\1/p' /tmp/said)"
gone
for busy in 1 2 3 4 5 6 7 8 9 10 11 12 13 14; do (while :; do :; done) & done
sleep 1
begin=$(now)
tracer --no-cache -G vma_complete --duration 3s -o /dev/null 2>/tmp/said & tracer=$!
hear 'tracing vma_complete'
heard=$(now)
wait $tracer
echo "with 14 busy tasks on the CPU a trace began $(((heard - begin) * 10)) ms after its start, and one of 3 s ended after $((($(now) - begin) * 10)) ms"
kill $(jobs -p)
gone
plain=$(send)
tracer --complete --no-cache -G vfs_mkdir -o /dev/null 2>/tmp/said & tracer=$!
hear 'tracing vfs_mkdir'
wide=$(send)
begin=$(now)
kill -INT $tracer
wait $tracer
echo "prompt back $((($(now) - begin) * 10)) ms after Ctrl-C while all functions have probes"
gone
echo vfs_mkdir >$T/set_graph_function
echo function_graph >$T/current_tracer
graph=$(send)
echo nop >$T/current_tracer
echo >$T/set_graph_function
echo "wide: a send by others $plain ns, $wide while all functions have probes, $graph with function_graph for that root"
