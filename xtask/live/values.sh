# Return values read as their types say.

# Connecting to a port where nobody listens.
refuse() {
    while :; do nc 127.0.0.1 1 </dev/null 2>/dev/null || :; done
}
refuse &
refused=$!
tracer --learn 0 -G inet_stream_connect -n 1 >/tmp/out 2>/tmp/err || fail "exit status $?: $(cat /tmp/err)"
grep -q 'inet_stream_connect.* = -111 (ECONNREFUSED) \*/$' /tmp/out || fail "no error: $(grep inet_stream /tmp/out)"
tracer --learn 0 -G inet_stream_connect -n 1 --graph-opts retval-hex >/tmp/out 2>/tmp/err || fail "exit status $?: $(cat /tmp/err)"
grep -q 'inet_stream_connect.* = 0x[0-9a-f]*ffffff91 \*/$' /tmp/out || fail "no hex: $(grep inet_stream /tmp/out)"
kill $refused

# Seven bytes are sent; taking a lock returns nothing.
drive tcp
tracer --learn 0 -G inet_sendmsg -n 3 --graph-opts tail >/tmp/out 2>/tmp/err || fail "exit status $?: $(cat /tmp/err)"
[ "$(grep -c '^.*|  [}i].*inet_sendmsg.* = 7 \*/$' /tmp/out)" = 3 ] || fail "no 7: $(grep inet_sendmsg /tmp/out)"
tracer --learn 0 -G inet_sendmsg -G inet_send_prepare -n 3 --graph-opts depth=1 >/tmp/out 2>/tmp/err || fail "depth: exit status $?: $(cat /tmp/err)"
[ "$(grep -c '|  inet_sendmsg(); /\* = 7 \*/$' /tmp/out)" = 3 ] || fail "depth=1: $(cat /tmp/out)"
! grep -q inet_send_prepare /tmp/out || fail "depth=1 shows the second level"
tracer --learn 0 -G lock_sock_nested -n 3 --graph-opts depth=1 >/tmp/out 2>/tmp/err || fail "void: exit status $?: $(cat /tmp/err)"
[ "$(grep -c '|  lock_sock_nested();$' /tmp/out)" = 3 ] || fail "void: $(cat /tmp/out)"
