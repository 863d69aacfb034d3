# Memory does not grow with time: a workload at full speed for a quarter of a minute, and tracer's own memory before and after.
# limit: 120

tracer workload unix --count 200 2>/dev/null
drive unix 0
trace -G unix_stream_sendmsg -o /dev/null
hear 'tracing unix_stream_sendmsg' 60
anonymous() { sed -n 's/^RssAnon:[^0-9]*\([0-9]*\) kB/\1/p' /proc/$tracer/status; }
# Past the first batches of each CPU, and past what growth looks up.
sleep 5
before=$(anonymous)
sleep 15
after=$(anonymous)
kill -INT $tracer
ends_with 0
kill $workload
wait $workload || fail "the workload: $(cat /tmp/workload.err)"
events=$(sed -n 's/.* whole calls, .* partial, \([0-9]*\) events.*/\1/p' /tmp/err)
[ "$events" -gt 100000 ] || fail "only $events events"
# kB. What learning and growing need comes and goes, so not exactly as much.
[ "$after" -le $((before + 4096)) ] || fail "$before kB after 5 s, $after kB after 20 s and $events events"
[ "$after" -le 65536 ] || fail "$after kB"
nothing_left 60
