# `tracer demo` shows the sockmap path, nested as it runs, and leaves nothing behind.
# limit: 400

tracer demo -n 3 >/tmp/out 2>/tmp/err || fail "exit status $?: $(tr '\n' ' ' </tmp/err)"
path='tcp_bpf_sendmsg>sk_psock_msg_verdict sk_psock_msg_verdict>redirect_to_peer redirect_to_peer>bpf_msg_redirect_hash
tcp_bpf_sendmsg>tcp_bpf_sendmsg_redir tcp_bpf_sendmsg_redir>sock_def_readable
__sys_sendto>tcp_bpf_sendmsg'
awk -v inside="$(echo $path)" -v at_least=3 -f /live/harness/listing.awk /tmp/out >/tmp/calls || fail "$(cat /tmp/calls)"
[ "$(cat /tmp/calls)" = 3 ] || fail "$(cat /tmp/calls) whole root calls instead of 3: $(grep 'not seen' /tmp/out | tr '\n' ' ') $(grep whole /tmp/err)"
! grep '|  [^ }|/]' /tmp/out | grep -v '^#\||  __sys_sendto() {$' || fail "another root than __sys_sendto"
head -n 1 /tmp/out | grep -qx '# tracer: function_graph' || fail "no header"
grep -q ', 0 events lost' /tmp/err || fail "the summary: $(grep whole /tmp/err)"
grep -q '^ 0)' /tmp/out || fail "nothing on CPU 0"
nothing_left
