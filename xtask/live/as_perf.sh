# What people type to perf ftrace, typed to tracer by that name.
# only on 6.12: it is about words, which mean the same on every kernel
# limit: 400

ln -s "$(command -v tracer)" /tmp/perf-ftrace
perf_ftrace() { /tmp/perf-ftrace "$@" >/tmp/out 2>/tmp/err || fail "perf-ftrace $*: exit status $?: $(cat /tmp/err)"; }

# Names alone, of what can be traced.
perf_ftrace -F '*sys_nanosleep'
grep -qx ${sys}nanosleep /tmp/out || fail "-F: no nanosleep: $(cat /tmp/out)"
! grep -qv '^[^ ]*sys_nanosleep$' /tmp/out || fail "-F: more than names: $(cat /tmp/out)"
perf_ftrace --funcs
[ "$(wc -l </tmp/out)" -gt 10000 ] || fail "--funcs lists $(wc -l </tmp/out) functions"

# A command without dashes, and its options are its own.
perf_ftrace trace -t function_graph -G '*clock_nanosleep' -m 3M --graph-depth 1 sh -c 'sleep 0.1'
calls=$(check_listing) || fail "$calls"
[ "$calls" = 1 ] || fail "a sleep made $calls root calls: $(cat /tmp/out)"
! grep -q '{' /tmp/out || fail "--graph-depth 1 shows callees: $(cat /tmp/out)"

# Whatever it is called.
echo 'echo it was run' >/tmp/list
chmod +x /tmp/list
PATH=/tmp:$PATH perf_ftrace -G ksys_write list
grep -q 'it was run' /tmp/out || fail "a command of tracer's name did not run: $(cat /tmp/out /tmp/err)"
PATH=/tmp:$PATH perf_ftrace list
grep -q 'it was run' /tmp/out || fail "it was taken for a command of tracer: $(head -n 5 /tmp/out)"

# once_traced: the file /tmp/go is there as soon as the next trace has begun.
once_traced() {
    rm -f /tmp/go /tmp/err
    (until grep -qs 'tracer: tracing' /tmp/err; do usleep 100000; done; touch /tmp/go) &
}

# Processes in one word; the trace ends with the last, and others are not in it.
once_traced
for time in 1 2; do (until [ -e /tmp/go ]; do usleep 100000; done; exec sleep $time) & pids=${pids:+$pids,}$!; done
perf_ftrace -G '*clock_nanosleep' --graph-opts verbose --learn 0 -p "$pids"
for pid in $(echo "$pids" | tr , ' '); do
    grep -q "[-]$pid " /tmp/out || fail "-p $pids: nothing of $pid: $(cat /tmp/out /tmp/err)"
done

# A process without a function is traced whole.
perf_ftrace -p $$ --duration 1s
said whole || fail "-p alone: no sums: $(cat /tmp/err)"

# The command begins before the trace does.
once_traced
perf_ftrace -G ksys_write --learn 0 -D 1500 sh -c 'echo early; until [ -e /tmp/go ]; do usleep 100000; done; echo late'
grep -q early /tmp/out && grep -q late /tmp/out || fail "-D: the command did not run: $(cat /tmp/out)"
said '^tracer: 1 whole call' || fail "-D: not one write after the delay: $(cat /tmp/err)"

# A signal in the delay ends it.
tracer -G ksys_write --learn 0 -D 600000 sleep 1000 >/tmp/out 2>/tmp/err &
tracer=$!
runs() { pidof sleep >/dev/null; }
within 60 runs || fail "-D: the command does not run: $(cat /tmp/err)"
kill $tracer
ends_with 0

# A histogram and a table, by their names for it.
perf_ftrace latency -b -T vfs_write sh -c 'echo x; sleep 0.1'
grep -q vfs_write /tmp/out || fail "latency -T: $(cat /tmp/out)"
# The whole host, on these CPUs.
perf_ftrace latency -a -C 0-1 -T vfs_write --duration 300ms
perf_ftrace profile -m 8M -s count sh -c 'sleep 0.1'
grep -q nanosleep /tmp/out || fail "profile: $(head -n 30 /tmp/out)"
