# What ends a trace, what limits it, and where it goes.
# only on 6.12: they end and limit a trace on every kernel alike
# limit: 300

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

# BPF programs of others are left alone if that is asked for.
drive sockmap
for option in '' --no-bpf; do
    tracer --no-cache -G tcp_bpf_sendmsg $option -n 2 >/tmp/out 2>/tmp/err || fail "$option: exit status $?: $(cat /tmp/err)"
    [ "$(grep -c 'redirect_to_peer \[bpf\]' /tmp/out | sed 's/[1-9][0-9]*/some/')" = "$([ -n "$option" ] && echo 0 || echo some)" ] ||
        fail "programs with '$option': $(cat /tmp/out)"
done
kill $workload
wait $workload || fail "the workload: $(cat /tmp/workload.err)"

# A command has the limits that tracer has, and not those that it takes for itself.
ulimit -Sn 777
(ulimit -Sn; ulimit -Hn) >/tmp/limits
tracer --learn 0 -G tcp_poll --graph-opts depth=1 -o /tmp/file -- sh -c 'ulimit -Sn; ulimit -Hn' >/tmp/out 2>/tmp/err || fail "limits: exit status $?: $(cat /tmp/err)"
cmp -s /tmp/limits /tmp/out || fail "the limits of a command are $(tr '\n' ' ' </tmp/out), not $(tr '\n' ' ' </tmp/limits)"

# A task is called as it likes, and drives no terminal by that.
names='printf "\033[31m\nx\377" >/proc/$$/comm; for i in 1 2 3; do echo hi; done'
for format in ftrace csv json; do
    tracer --learn 0 -G ksys_write --graph-opts verbose,depth=1 --format $format -o /tmp/file -- sh -c "$names" >/tmp/out 2>/tmp/err || fail "an odd name: exit status $?: $(cat /tmp/err)"
    ! grep -q "$(printf '[\001-\010\013-\037\177-\377]')" /tmp/file || [ $format = json ] || fail "an odd name as $format: $(head -n 20 /tmp/file | cat -v)"
    ! grep -q "$(printf '\033')" /tmp/file || fail "an odd name has an escape sequence as $format"
    grep -q '31m.nx' /tmp/file || fail "an odd name is not there as $format: $(head -n 20 /tmp/file | cat -v)"
done

# A trace of a process ends with it, whatever is being done then.
sleep 30 &
process=$!
trace --learn 0 -G hrtimer_nanosleep -p $process
hear 'tracer: tracing' 28
wait $process
ended=$(cut -d . -f 1 /proc/uptime)
ends_with 0
took=$(($(cut -d . -f 1 /proc/uptime) - ended))
[ $took -le 2 ] || fail "a trace goes on for $took s after its process has ended"
said whole || fail "-p: no sums: $(cat /tmp/err)"

# Nothing has the number of a thread as that of its process.
tracer --learn 0 -G tcp_poll --duration 30s >/tmp/out 2>/tmp/err.other &
other=$!
has_threads() { [ "$(ls /proc/$other/task | wc -l)" -gt 1 ]; }
within 20 has_threads || fail "tracer has no threads"
thread=$(ls /proc/$other/task | grep -vx $other | head -n 1)
status=0
tracer --learn 0 -G tcp_poll -p $thread >/tmp/out 2>/tmp/err || status=$?
kill $other
[ $status = 2 ] || fail "-p of a thread: exit status $status instead of 2: $(cat /tmp/err)"
said "write .--tid $thread" || fail "-p of a thread: $(cat /tmp/err)"
wait $other || :
kill $process 2>/dev/null || :
