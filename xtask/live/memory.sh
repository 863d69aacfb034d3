# Memory does not grow with time: a workload at full speed for a quarter of a minute, and tracer's own memory before and after.
# only on 6.12: the memory is that of the process
# limit: 120

# Nothing is learned, before or meanwhile: that patches all functions, which takes long beside such a workload.
drive unix 0
trace --learn 0 -G unix_stream_sendmsg -o /dev/null
hear 'tracing unix_stream_sendmsg' 60
anonymous() { sed -n 's/^RssAnon:[^0-9]*\([0-9]*\) kB/\1/p' /proc/$tracer/status; }
# Past the first batches of each CPU.
sleep 5
before=$(anonymous)
sleep 15
after=$(anonymous)
kill -INT $tracer
ends_with 0
kill $workload
wait $workload || fail "the workload: $(cat /tmp/workload.err)"
events=$(sed -n 's/.* whole calls*, .* partial, \([0-9]*\) events.*/\1/p' /tmp/err)
[ "$events" -gt 100000 ] || fail "only $events events"
# kB; what a batch needs for a moment may be there at one look and not at the other.
[ "$after" -le $((before + 4096)) ] || fail "$before kB after 5 s, $after kB after 20 s and $events events"
[ "$after" -le 65536 ] || fail "$after kB"
nothing_left 60
