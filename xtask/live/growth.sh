# The plan grows while the trace goes on: what starts late is in the graph, and nothing is torn by it.
# limit: 400

# Nobody calls the root at first, and only a pointer leads on from it.
trace -v --learn 200ms -G sock_poll --graph-opts noirqs
hear 'tracer: tracing' 30
drive udp 20000
within 60 grep -q '|    udp_poll()' /tmp/out || fail "udp_poll is not in the graph: $(cat /tmp/err)"
hear 'tracer: added udp_poll' 10
hear 'tracer: [1-9][0-9]* functions* more' 60
kill -INT $tracer
ends_with 0
said ', 0 events lost,' || fail "$(grep -A1 whole /tmp/err)"
# But for what the kernel itself skipped: with pairs it skips the probe of a function that an interrupt calls in the middle of that probe.
torn=$(grep -c 'entry not seen' /tmp/out) || true
skipped=0
only_pairs && skipped=$(sed -n 's/.*, \([0-9]*\) skipped in the middle of a probe$/\1/p' /tmp/err)
[ "$torn" -le "$skipped" ] || fail "$torn entries were not seen, and $skipped probes skipped: $(grep -B5 -A5 'entry not seen' /tmp/out)"
calls=$(check_listing) || fail "$calls"
# What ran in sampled root calls before it had its probe is counted, at the end of the graph and in the summary.
missed='[1-9][0-9]* calls* of [1-9][0-9]* functions* below w[a-z]* not traced, in [1-9][0-9]* root calls* that w[a-z]* sampled'
tail -n 1 /tmp/out | grep -q "|  /[*] $missed [*]/$" || fail "the graph does not end with what is missing: $(tail -n 3 /tmp/out)"
said "^tracer: $missed;" || fail "the summary does not say what is missing: $(cat /tmp/err)"
# The next trace knows it from the beginning.
grep -q ' udp_poll$' $TRACER_CACHE_DIR/*/sock_poll.plan || fail "what has grown is not kept"
kill $workload
wait $workload || fail "the workload: $(cat /tmp/workload.err)"
nothing_left 60
