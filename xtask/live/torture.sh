# A slice of `cargo xtask torture`: functions from all over the kernel at once, below busy roots.
# limit: 300

tracer check >/tmp/check
# Pairs take their time.
every=30
grep -q '^ok  *\(multi\|kprobe\) ' /tmp/check || every=400
tracer list | grep -v ' skipped: \| functions: ' | awk -v every=$every 'NR % every == 0' >/tmp/slice
[ "$(wc -l </tmp/slice)" -ge 50 ] || fail "a slice of $(wc -l </tmp/slice) functions"
trace --no-cache --functions /tmp/slice -G sendto -G recvfrom -G ksys_read -G ksys_write -G ${sys}openat -G kernel_clone -G do_exit
hear 'tracer: tracing' 120
attached=$(sed -n 's/^tracer: tracing .*, \([0-9]*\) functions* below$/\1/p' /tmp/err)
[ "$attached" -ge $(($(wc -l </tmp/slice) * 9 / 10)) ] || fail "$attached of $(wc -l </tmp/slice) functions are attached"
for kind in tcp udp unix epoll; do
    tracer workload $kind --count 50 --interval-us 500 2>/tmp/workload.err || fail "$kind: $(cat /tmp/workload.err)"
done
tracer workload tasks --count 50 2>/tmp/workload.err || fail "tasks: $(cat /tmp/workload.err)"
forks 20
ls -lR /proc/self >/dev/null || :
kill -INT $tracer
ends_with 0
calls=$(check_listing) || fail "$calls"
[ "$calls" -ge 200 ] || fail "$calls root calls of at least 200 sends: $(cat /tmp/err)"
nothing_left 150
