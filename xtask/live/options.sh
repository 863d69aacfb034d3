# What ends a trace, what limits it, and where it goes.
# only on 6.12: they end and limit a trace on every kernel alike
# limit: 180

drive tcp
# The reader runs on CPU 1 and alone polls.
tracer --learn 0 -G tcp_poll -C 1 -n 2 >/tmp/out 2>/tmp/err || fail "-n: exit status $?: $(cat /tmp/err)"
calls=$(check_listing) || fail "$calls"
[ "$calls" = 2 ] || fail "-n 2 printed $calls root calls"
grep -q '^ 1)' /tmp/out || fail "nothing on CPU 1"

tracer --learn 0 -G tcp_poll -C 0 --duration 500ms >/tmp/out 2>/tmp/err || fail "--duration: exit status $?: $(cat /tmp/err)"
! grep -q tcp_poll /tmp/out || fail "-C 0 shows calls of CPU 1"
said 'tracer: 0 whole calls' || fail "-C 0: $(cat /tmp/err)"

# Another process than the workload does not poll TCP sockets.
sleep 100 &
tracer --learn 0 -G tcp_poll -p $! --duration 300ms >/tmp/out 2>/tmp/err || fail "-p: exit status $?: $(cat /tmp/err)"
said 'tracer: 0 whole calls' || fail "-p shows others: $(cat /tmp/err)"
kill $!
tracer --learn 0 -G tcp_poll -p $workload -n 1 -o /tmp/file >/tmp/out 2>/tmp/err || fail "-o: exit status $?: $(cat /tmp/err)"
[ ! -s /tmp/out ] || fail "-o leaves something for stdout"
grep -q 'tcp_poll();\|tcp_poll() {' /tmp/file || fail "-o: $(cat /tmp/file)"
kill $workload
wait $workload || fail "the workload: $(cat /tmp/workload.err)"

# The trace ends with its command, and shows it alone.
drive tcp
waits='until grep -q "tracer: tracing" /tmp/err; do usleep 20000; done; exec tracer workload udp --count 20 --interval-us 2000'
tracer --learn 0 -G udp_poll -G tcp_poll -- sh -c "$waits" >/tmp/out 2>/tmp/err || fail "-- COMMAND: exit status $?: $(cat /tmp/err)"
kill $workload
said 'workload: 20 sends' || fail "the command did not end by itself: $(cat /tmp/err)"
grep -q udp_poll /tmp/out || fail "nothing of the command"
! grep -q tcp_poll /tmp/out || fail "others than the command"

# Of a trace that has no end of its own, its command has none either.
tracer --learn 0 -G udp_poll -n 1 -- tracer workload udp --interval-us 2000 >/tmp/out 2>/tmp/err || fail "-n with a command: exit status $?: $(cat /tmp/err)"
calls=$(check_listing) || fail "$calls"
[ "$calls" = 1 ] || fail "-n 1 printed $calls root calls"
said '^workload: ' || fail "the command still runs: $(cat /tmp/err)"
