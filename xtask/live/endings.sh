# However a trace ends, what was captured is out, and nothing stays.
# only on 6.12: what tracer does at its end; what stays in the kernel is seen by every test on every kernel
# limit: 240

drive tcp
# Signals while tracing: the listing is whole, its calls as many as the summary says.
for signal in INT TERM HUP; do
    trace --learn 0 -G tcp_poll
    hear 'tracer: tracing' 20
    within 10 grep -q tcp_poll /tmp/out || fail "nothing is traced"
    kill -$signal $tracer
    # Who is impatient loses nothing.
    kill -$signal $tracer 2>/dev/null || :
    ends_with 0
    calls=$(check_listing) || fail "SIG$signal: $calls"
    said "tracer: $calls whole calls*, 0 partial, .*, 0 events lost, 0 gaps" || fail "SIG$signal: $calls calls, but $(grep whole /tmp/err)"
done

# What is summed up is printed, too.
for what in latency profile; do
    trace $what --learn 0 -G tcp_poll
    hear 'tracer: tracing' 20
    sleep 1
    kill -HUP $tracer
    ends_with 0
    grep -q tcp_poll /tmp/out || fail "SIGHUP: $what prints nothing: $(cat /tmp/err)"
done

# nohup's child goes on.
trap '' HUP
trace --learn 0 -G tcp_poll
trap - HUP
hear 'tracer: tracing' 20
kill -HUP $tracer
usleep 500000
! said whole || fail "SIGHUP that was ignored ends a trace"
kill -TERM $tracer
ends_with 0

# While it learns: the end comes at once.
trace --gentle -G tcp_poll
within 10 learning || fail "no instance of the function tracer"
kill -INT $tracer
ends_with 0
within 20 no_instance || fail "SIGINT while learning leaves an instance"
! said 'tracer: tracing' || fail "SIGINT while learning starts tracing"

# While it attaches: the pairs are slow enough.
let_go
trace --attach pair --learn 0 -G unix_stream_sendmsg
within 10 attaching || fail "nothing attached: $(cat /tmp/err)"
kill -INT $tracer
ends_with 0
said whole || fail "no summary: $(cat /tmp/err)"
! said 'tracer: tracing' || fail "SIGINT while attaching starts tracing"

# A reader that goes away.
(tracer --learn 0 -G tcp_poll 2>/tmp/err; echo $? >/tmp/status) | head -n 5 >/tmp/out
[ "$(cat /tmp/status)" = 0 ] || fail "closed pipe: exit status $(cat /tmp/status): $(cat /tmp/err)"
[ "$(wc -l </tmp/out)" = 5 ] || fail "closed pipe: $(cat /tmp/out)"
! said -i 'pipe\|written' || fail "closed pipe: $(cat /tmp/err)"

# A disk that is full: at once, and after a while.
mkdir -p /tmp/small
mount -t tmpfs -o size=16k tmpfs /tmp/small
for file in /dev/full /tmp/small/out; do
    status=0
    tracer --learn 0 -G tcp_poll -o $file >/tmp/out 2>/tmp/err || status=$?
    [ $status = 6 ] || fail "$file: exit status $status instead of 6: $(cat /tmp/err)"
    [ "$(grep -c 'No space left' /tmp/err)" = 1 ] || fail "$file: $(cat /tmp/err)"
done
grep -q tcp_poll /tmp/small/out || fail "what was captured before the disk was full is lost"
umount /tmp/small

kill $workload
wait $workload || fail "the workload: $(cat /tmp/workload.err)"
nothing_left
