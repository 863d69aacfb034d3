# Spans for a collector and metrics for a scraper: both have as many root calls as the summary says.
# only on 6.12: what goes to a collector is the same on every kernel

# The collector is a web server that keeps what comes. The path is its own.
mkdir -p /tmp/collector/cgi-bin /tmp/requests
cat >/tmp/collector/cgi-bin/traces <<'EOF'
#!/bin/sh
cat >/tmp/requests/$$
printf 'Content-Type: application/x-protobuf\r\n\r\n'
EOF
chmod +x /tmp/collector/cgi-bin/traces
httpd -f -p 127.0.0.1:4318 -h /tmp/collector &
collector=$!

# The value of a metric without labels, or with these.
metric() { wget -q -O - http://127.0.0.1:9464/metrics | awk -v name="$1" '$1 == name { print $2 }'; }
has() { [ "$(metric "$1")" = "$2" ]; }

# Whether somebody else can have the port: then he waits there until his time is over.
port_is_free() {
    status=0
    timeout 1 nc -l -p 9464 </dev/null || status=$?
    [ $status = 143 ]
}

# Nobody else sends UDP here. Pairs take long to let go, so a process does that when the trace has ended.
printf '%s\n' ip_route_output_flow ip_route_output_key_hash ip_make_skb ip_setup_cork sock_alloc_send_pskb ip_send_skb \
    __ip_local_out ip_output ip_finish_output >/tmp/functions
trace --attach pair --functions /tmp/functions -G udp_sendmsg --budget none --prometheus 9464 --otlp http://127.0.0.1:4318/cgi-bin/traces
hear 'tracer: tracing' 60
has 'tracer_root_duration_seconds_count{root="udp_sendmsg"}' 0 || fail "metrics: $(wget -q -O - http://127.0.0.1:9464/metrics)"

! port_is_free || fail "the port is free while the metrics are there"

# A port that is taken is refused before anything else.
status=0
tracer -G udp_sendmsg --prometheus 9464 >/tmp/out.other 2>/tmp/err.other || status=$?
[ $status = 6 ] || fail "a port in use: exit status $status: $(cat /tmp/err.other)"
grep -q 'metrics cannot be served at 127.0.0.1:9464: Address' /tmp/err.other || fail "a port in use: $(cat /tmp/err.other)"

tracer workload udp --count 40
within 10 has tracer_whole_calls_total 40 || fail "metrics: $(wget -q -O - http://127.0.0.1:9464/metrics)"
has 'tracer_root_duration_seconds_count{root="udp_sendmsg"}' 40 || fail "histogram: $(wget -q -O - http://127.0.0.1:9464/metrics)"
within 10 has 'tracer_skipped_hits_total{function="root",end="entry"}' 0 || fail "skipped: $(wget -q -O - http://127.0.0.1:9464/metrics)"
has tracer_lost_whole_calls_total 0 || fail "lost whole: $(metric tracer_lost_whole_calls_total)"
has tracer_lost_events_total 0 || fail "lost: $(metric tracer_lost_events_total)"
events=$(metric tracer_events_total)
kill -INT $tracer
ends_with 0
# The port is free at once, even if a process still lets functions go.
port_is_free || fail "the port is not free"
said "tracer: 40 whole calls, 0 partial, $events events, 0 events lost" || fail "the sums: $(cat /tmp/err)"
said 'tracer: sent 40 root calls as [0-9]* spans to http://127.0.0.1:4318/cgi-bin/traces, dropped 0' || fail "spans: $(cat /tmp/err)"

# A span for each root call, and one for each call in the listing.
calls=$(check_listing) || fail "$calls"
[ "$calls" = 40 ] || fail "$calls calls are listed"
sent=$(sed -n 's/.* root calls as \([0-9]*\) spans .*/\1/p' /tmp/err)
listed=$(grep -c '();\|() {' /tmp/out)
[ "$sent" = "$listed" ] || fail "$sent spans of $listed calls"
roots=$(cat /tmp/requests/* | grep -a -o 'process\.pid' | wc -l)
[ "$roots" = 40 ] || fail "the collector has $roots root calls"

kill $collector
nothing_left
