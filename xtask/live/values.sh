# Return values read as their types say.

# A call that was off the CPU says so after its value: that is another test's matter.
values() {
    tracer "$@" 2>/tmp/err | sed 's| /\* off-cpu [0-9.]* [a-z]*s \*/$||' >/tmp/out
    said 'whole calls*' || fail "$*: $(cat /tmp/err)"
}

# Connecting to a port where nobody listens.
refuse() {
    while :; do nc 127.0.0.1 1 </dev/null 2>/dev/null || :; done
}
refuse &
refused=$!
values --learn 0 -G inet_stream_connect -n 2 --graph-opts tail
kill $refused
[ "$(grep -c '|  } /\* inet_stream_connect = -111 (ECONNREFUSED) \*/$' /tmp/out)" = 2 ] || fail "no error: $(cat /tmp/out)"
# Taking the lock returns nothing: not even a braced call has a value.
grep -q '|    lock_sock_nested();$\|^.*|    } /\* lock_sock_nested \*/$' /tmp/out || fail "void: $(cat /tmp/out)"

# Seven bytes are sent.
drive tcp
values --learn 0 -G inet_sendmsg -n 3 --graph-opts depth=1
[ "$(grep -c '|  inet_sendmsg(); /\* = 7 \*/$' /tmp/out)" = 3 ] || fail "no 7, or more than one level: $(cat /tmp/out)"
[ "$(grep -c '|  ' /tmp/out)" = 4 ] || fail "depth=1 shows the second level: $(cat /tmp/out)"
values --learn 0 -G tcp_poll -n 3 --graph-opts retval-hex
[ "$(grep -c 'tcp_poll.* = 0x[0-9a-f]* \*/$' /tmp/out)" = 3 ] || fail "no hex: $(cat /tmp/out)"

# A thread with a name of its own has its process's beside it, in a recording, too; who leads a process has none.
values --learn 0 -G inet_sendmsg -n 2 --graph-opts depth=1,verbose
[ "$(grep -c ' sender-[0-9]* (tracer) |.* inet_sendmsg();' /tmp/out)" = 2 ] || fail "no process: $(cat /tmp/out)"
tracer record -o /tmp/recording --learn 0 -G inet_sendmsg -n 2 --graph-opts depth=1 2>/tmp/err || fail "record: $(cat /tmp/err)"
tracer replay /tmp/recording --format json >/tmp/out 2>/tmp/err || fail "replay: $(cat /tmp/err)"
[ "$(grep -c '"comm":"sender","process":"tracer",' /tmp/out)" = 2 ] || fail "no process in a recording: $(cat /tmp/out)"
values --learn 0 -G ksys_write --graph-opts depth=1,verbose -- sh -c 'echo said'
grep -q ' sh-[0-9]*  *|.* ksys_write();' /tmp/out || fail "a process by itself: $(cat /tmp/out)"
kill $workload
wait $workload || fail "the workload: $(cat /tmp/workload.err)"
