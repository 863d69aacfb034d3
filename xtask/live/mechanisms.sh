# Each mechanism that the kernel has traces, and leaves nothing behind. One that it lacks is refused.
# limit: 400

path='tcp_bpf_sendmsg>sk_psock_msg_verdict sk_psock_msg_verdict>redirect_to_peer redirect_to_peer>bpf_msg_redirect_hash
tcp_bpf_sendmsg>tcp_bpf_sendmsg_redir tcp_bpf_sendmsg_redir>sock_def_readable
__sys_sendto>tcp_bpf_sendmsg'
tracer check >/tmp/check
best=
for mechanism in multi kprobe; do
    if ! grep -q "^ok  *$mechanism " /tmp/check; then
        trace --attach $mechanism -G __sys_sendto --duration 1s
        ends_with 4
        said "this kernel has no .*--attach $mechanism" || fail "$mechanism: $(cat /tmp/err)"
        continue
    fi
    # The best of them is what the test `demo` has.
    [ -n "$best" ] || { best=$mechanism; continue; }
    tracer demo -n 2 --attach $mechanism >/tmp/out 2>/tmp/err || fail "$mechanism: exit status $?: $(tr '\n' ' ' </tmp/err)"
    awk -v inside="$(echo $path)" -v at_least=2 -f /live/harness/listing.awk /tmp/out >/tmp/calls || fail "$mechanism: $(cat /tmp/calls)"
    [ "$(cat /tmp/calls)" = 2 ] || fail "$mechanism: $(cat /tmp/calls) whole root calls instead of 2"
    grep -q ', 0 events lost' /tmp/err || fail "$mechanism: the summary: $(grep whole /tmp/err)"
    nothing_left
done

# Pairs take their time: a small root. The sockmap path by pairs is what `demo` has on kernels without the others.
drive tcp 20000
tracer --attach pair --learn 0 -G tcp_poll -n 3 >/tmp/out 2>/tmp/err || fail "pair: exit status $?: $(cat /tmp/err)"
calls=$(check_listing) || fail "pair: $calls"
[ "$calls" = 3 ] || fail "pair: $calls root calls instead of 3"
said ', 0 events lost' || fail "pair: $(grep whole /tmp/err)"
kill $workload
wait $workload || fail "the workload: $(cat /tmp/workload.err)"
nothing_left
