# A command is held until all is attached: what it does first is traced, and all of it.
# only on 6.12: the command is held by tracer alone

tracer --graph-opts depth=1 -G unix_stream_sendmsg -- tracer workload unix --count 3 >/tmp/out 2>/tmp/err || fail "exit status $?: $(cat /tmp/err)"
calls=$(check_listing) || fail "$calls"
[ "$calls" = 3 ] || fail "$calls of 3 root calls: $(cat /tmp/err)"
said 'workload: 3 sends' || fail "the command has not run: $(cat /tmp/err)"
# One that is over at once, too: the C library asks for memory before anything else.
tracer --learn 0 -G brk -- true >/tmp/out 2>/tmp/err || fail "true: exit status $?: $(cat /tmp/err)"
grep -q "|  ${sys}brk()" /tmp/out || fail "nothing of true: $(cat /tmp/err)"

# It does not run before, and not at all if the trace does not begin. Function by function, because
# what attaches all at once has begun before it can be interrupted.
let_go
trace --attach pair --learn 0 -G unix_stream_sendmsg -- touch /tmp/ran
within 10 patched || fail "nothing attached: $(cat /tmp/err)"
[ ! -e /tmp/ran ] || fail "the command runs while the trace is set up"
kill -INT $tracer
ends_with 0
[ ! -e /tmp/ran ] || fail "the command runs although the trace did not begin"
! pidof touch || fail "the held command stays"
let_go
trace --attach pair --learn 0 -G unix_stream_sendmsg -- touch /tmp/ran
within 10 patched || fail "nothing attached: $(cat /tmp/err)"
kill -KILL $tracer
ends_with 137
gone() { ! pidof tracer; }
within 5 gone || fail "the held command outlives tracer"
[ ! -e /tmp/ran ] || fail "the command runs although tracer was killed"
nothing_left
