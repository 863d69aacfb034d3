# Each kind of socket takes its own path, also through pointers, and the path is in the graph.
# limit: 120

# By the text alone, which has the calls that have several targets.
for kind in tcp udp; do
    drive $kind
    tracer --learn 0 -C 0 -n 2 -G inet_sendmsg >/tmp/out 2>/tmp/err || fail "$kind: exit status $?: $(cat /tmp/err)"
    kill $workload
    awk -v inside="inet_sendmsg>${kind}_sendmsg" -v at_least=2 -f /live/harness/listing.awk /tmp/out >/tmp/calls || fail "$kind: $(cat /tmp/calls)"
    [ "$(cat /tmp/calls)" = 2 ] || fail "$kind: $(cat /tmp/calls) root calls instead of 2"
    ! grep '|' /tmp/out | grep -v '^ 0)' | grep -v '^#' || fail "$kind: another CPU than 0"
    wait $workload || fail "the workload: $(cat /tmp/workload.err)"
done

# By what runs: nothing names unix_stream_sendmsg but a table of pointers.
drive unix
tracer --learn 2s -n 2 -G __sys_sendto >/tmp/out 2>/tmp/err || fail "unix: exit status $?: $(cat /tmp/err)"
awk -v inside='__sys_sendto>unix_stream_sendmsg unix_stream_sendmsg>sock_alloc_send_pskb' -v at_least=2 -f /live/harness/listing.awk /tmp/out >/tmp/calls || fail "unix: $(cat /tmp/calls)"
said 'learned [1-9][0-9]* functions from [1-9]' || fail "nothing learned: $(cat /tmp/err)"
no_instance || fail "an instance of the function tracer is left"
