# Each kind of socket takes its own path, which only a table of pointers leads to, and all are in the graph.
# limit: 600

workloads=
for kind in tcp udp unix; do
    drive $kind 100000
    workloads="$workloads $workload"
done
# Their senders run on CPU 0.
tracer --learn 3s -C 0 -n 40 -G __sys_sendto >/tmp/out 2>/tmp/err || fail "exit status $?: $(cat /tmp/err)"
said 'learned [1-9][0-9]* functions* from [1-9]' || fail "nothing learned: $(cat /tmp/err)"
paths='__sys_sendto>tcp_sendmsg tcp_sendmsg>sk_page_frag_refill
__sys_sendto>udp_sendmsg udp_sendmsg>udp_send_skb
__sys_sendto>unix_stream_sendmsg unix_stream_sendmsg>sock_alloc_send_pskb'
awk -v inside="$(echo $paths)" -v at_least=1 -f /live/harness/listing.awk /tmp/out >/tmp/calls || fail "$(cat /tmp/calls)"
[ "$(cat /tmp/calls)" -gt 20 ] || fail "no more than $(cat /tmp/calls) of 40 root calls are whole"
grep '|' /tmp/out | grep -v '^#' | grep -v '^ 0)' >/tmp/others && fail "another CPU than 0: $(head -n 3 /tmp/others)"
within 20 no_instance || fail "an instance of the function tracer is left"
for workload in $workloads; do
    kill $workload
    wait $workload || fail "a workload: $(cat /tmp/workload.err)"
done
