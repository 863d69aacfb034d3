# Whose root calls are shown: of tasks, processes, cgroups by name or number.

. /live/harness/root_calls.sh
# nobody ARGUMENTS...: nothing is shown.
nobody() {
    run --duration 300ms "$@"
    [ "$calls" = 0 ] || fail "$*: $calls calls: $(cat /tmp/out)"
}

drive tcp 10000
# By who calls. The sender and the reader are threads of one process.
both="-G inet_sendmsg -G inet_recvmsg --graph-opts depth=1"
run $both --comm nobody --comm sender --duration 500ms
only inet_sendmsg inet_recvmsg
reader=$(grep -l '^reader$' /proc/$workload/task/*/comm)
reader=${reader%/comm}
sleep 100 &
other=$!
run $both -p $other -p $workload --tid "${reader##*/}" --duration 500ms
only inet_recvmsg inet_sendmsg
nobody $both -p $other --comm sender
kill $other
mkdir -p /sys/fs/cgroup/outer/inner /sys/fs/cgroup/other
echo $workload >/sys/fs/cgroup/outer/inner/cgroup.procs
run $both --cgroup /sys/fs/cgroup/other --cgroup /sys/fs/cgroup/outer -n 2
nobody $both --cgroup /sys/fs/cgroup/other
kill $workload
wait $workload || fail "the workload: $(cat /tmp/workload.err)"
rmdir /sys/fs/cgroup/outer/inner /sys/fs/cgroup/outer /sys/fs/cgroup/other

# What a task calls itself neither drives the terminal nor breaks a line nor is a formula.
(
    printf 'a\033[31m\n=b' >/proc/self/comm
    while :; do echo odd; usleep 20000; done
) >/tmp/written &
odd=$!
for format in ftrace csv json; do
    tracer --learn 0 -G ksys_write --graph-opts depth=1,verbose --format $format --tid $odd -n 3 >/tmp/out 2>/tmp/err || fail "--format $format: exit status $?: $(cat /tmp/err)"
    said '^tracer: 3 whole calls' || fail "--format $format: $(cat /tmp/err)"
    ! grep -q "$(printf '\033')" /tmp/out || fail "--format $format: an escape sequence: $(cat -v /tmp/out)"
    ! grep -q '^=b\|,"*=b' /tmp/out || fail "--format $format: a broken line or a formula: $(cat -v /tmp/out)"
done
kill $odd

# The tracer itself is there if it is asked for, and only then. Each call that it prints makes the next one: it ends all the same.
nobody -G ksys_write --graph-opts depth=1
run -G ksys_write --graph-opts depth=1 --comm tracer --duration 300ms
[ "$calls" -gt 1 ] || fail "--comm tracer: $calls calls"
