# SIGKILL at any time leaves nothing in the kernel. Once each; `kills_often` has more rounds.
# limit: 400
# only on 6.1, 6.12, 7.3: what stays goes by the mechanism, of which these have all

: "${rounds:=1}"

drive unix
killed() {
    kill -KILL $tracer
    ends_with 137
    bpf_was_there=1
}
round=0
while [ $round -lt $rounds ]; do
    round=$((round + 1))
    # While it attaches, a little later each time: the pairs are slow enough.
    trace --attach pair --learn 0 -G unix_stream_sendmsg
    within 10 attaching || fail "nothing attached: $(cat /tmp/err)"
    usleep $((round * 100000))
    ! said 'tracer: tracing' || fail "all is attached already"
    killed
    nothing_left 30

    # While it traces.
    trace --learn 0 -G __sys_sendto
    hear 'tracer: tracing' 20
    within 10 grep -q __sys_sendto /tmp/out || fail "nothing is traced"
    bpf_is_there || fail "programs do not show in kallsyms, so this test shows nothing"
    killed
    nothing_left 30

    # While it detaches: after the summary come the functions below the root.
    trace --attach pair --learn 0 -G __sys_sendto
    hear 'tracer: tracing' 20
    kill -INT $tracer
    until said 'whole calls*'; do usleep 1000; done
    kill -KILL $tracer
    wait $tracer || :
    nothing_left 30
done

# While it learns: its sampling process clears up.
trace --gentle -G __sys_sendto
within 10 learning || fail "no instance of the function tracer"
killed
within 20 no_instance || fail "the sampling process leaves an instance"

# If that is killed, too, the next one clears away what is left.
trace --gentle -G __sys_sendto
within 10 learning || fail "no instance of the function tracer"
# tracer first: it would have another one clear up.
kill -KILL $tracer "$sampler"
ends_with 137
learning || fail "the kernel removes instances by itself"
tracer list -G __sys_sendto --learn 1s >/tmp/out 2>/tmp/err || fail "exit status $?: $(cat /tmp/err)"
within 20 no_instance || fail "the instance of a tracer that was killed is left"

# All at once, as a service manager kills a service. What stays records no more, is told, and is removed by whatever trace comes next.
cgroup=/sys/fs/cgroup/killed
mkdir -p $cgroup
: >/tmp/err
# Nothing calls the root, so it is recorded until then.
sh -c "echo \$\$ >$cgroup/cgroup.procs; exec tracer --learn 60s -G vfs_mkdir" >/tmp/out 2>/tmp/err &
tracer=$!
recording() { learning && [ "$(cat /sys/kernel/tracing/instances/tracer-$sampler/tracing_on)" = 1 ]; }
within 20 recording || fail "the function tracer does not record: $(cat /tmp/err)"
[ "$(wc -l <$cgroup/cgroup.procs)" -ge 2 ] || fail "the sampling process is in another cgroup: $(cat $cgroup/cgroup.procs)"
left=/sys/kernel/tracing/instances/tracer-$sampler
echo 1 >$cgroup/cgroup.kill
ends_with 137
remove_cgroup $cgroup
[ "$(cat $left/tracing_on)" = 0 ] || fail "what was left goes on recording"
within 30 bpf_is_gone || fail "programs stay"
tracer check >/tmp/check || fail "check: $(cat /tmp/check)"
grep -q "^left  *function tracer  *$left was left" /tmp/check || fail "check does not say what was left: $(cat /tmp/check)"
learning || fail "check changes what it looks at"
tracer --learn 0 -G __sys_sendto -n 1 >/tmp/out 2>/tmp/err || fail "exit status $?: $(cat /tmp/err)"
said "tracer: removed $left, left by a tracer" || fail "nothing is said of what was left: $(cat /tmp/err)"
tracer check >/tmp/check || fail "check: $(cat /tmp/check)"
! grep -q '^left' /tmp/check || fail "check: $(cat /tmp/check)"
kill $workload
wait $workload || :
nothing_left 30
