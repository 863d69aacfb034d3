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
sleep 1000 &
other=$!
run $both -p $other -p $workload --tid "${reader##*/}" --duration 500ms
only inet_recvmsg inet_sendmsg
nobody $both -p $other --comm sender
# All but some. Nobody else calls the two.
run $both --comm '!reader' --duration 500ms
only inet_sendmsg inet_recvmsg
run $both --tid "!${reader##*/}" --duration 500ms
only inet_sendmsg inet_recvmsg
nobody $both -p "!$workload"
run $both -p "!$other" -n 2
kill $other
mkdir -p /sys/fs/cgroup/outer/inner /sys/fs/cgroup/other
echo $workload >/sys/fs/cgroup/outer/inner/cgroup.procs
run $both --cgroup /sys/fs/cgroup/other --cgroup /sys/fs/cgroup/outer -n 2
nobody $both --cgroup /sys/fs/cgroup/other
kill $workload
wait $workload || fail "the workload: $(cat /tmp/workload.err)"
for cgroup in outer/inner outer other; do remove_cgroup /sys/fs/cgroup/$cgroup; done

# The tracer itself is there if it is asked for, and only then. Each call that it prints makes the next one: it ends all the same.
nobody -G ksys_write --graph-opts depth=1
run -G ksys_write --graph-opts depth=1 --comm tracer --duration 300ms
[ "$calls" -gt 1 ] || fail "--comm tracer: $calls calls"
