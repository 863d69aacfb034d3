# Nothing of a sampling process stays that is killed, or whose PID namespace ends, and none of another's is taken away.
# limit: 400
# only on 6.12: what tracer and its sampling process do at their ends; with each look the kernel patches all of its functions

drive unix
sends="--no-cache --gentle -G __sys_sendto"
# The instance of a sampling process in a PID namespace, which is named after both.
inner_learns() {
    inner=$(ls /sys/kernel/tracing/instances | grep -- '^tracer-.*-')
}
# Starts tracer as the first process of a PID namespace, and waits until it learns.
begin_inside() {
    : >/tmp/err
    unshare -p -f --mount-proc tracer $sends >/tmp/out 2>/tmp/err &
    outer=$!
    within 20 inner_learns || fail "no instance of the function tracer in a PID namespace: $(cat /tmp/err)"
    first=$(cat /proc/$outer/task/$outer/children)
}
# inside_ends_with STATUS: it ends, and the instance with it: what is left in the namespace then the kernel kills.
inside_ends_with() {
    status=0
    wait $outer || status=$?
    no_instance || fail "the instance outlives the namespace: $(ls /sys/kernel/tracing/instances)"
    [ $status = "$1" ] || fail "in a namespace: exit status $status instead of $1: $(cat /tmp/err)"
}

# One that is killed alone, as the OOM killer would: tracer has another clear up, and goes on.
trace $sends
within 20 learning || fail "no instance of the function tracer"
[ "$(cat /proc/$sampler/oom_score_adj)" = -1000 ] || fail "the OOM killer takes the sampling process before others"
kill -KILL $sampler
hear 'tracer: tracing' 60
within 60 no_instance || fail "the instance of a sampling process that was killed stays"
kill -INT $tracer
ends_with 0

# In a PID namespace: one that is at work is nobody else's, and goes with tracer.
begin_inside
tracer list -G __sys_sendto --learn 1s >/tmp/out 2>/tmp/list.err || fail "exit status $?: $(cat /tmp/list.err)"
inner_learns || fail "a tracer outside takes the instance of one in a namespace away"
kill -INT $first
inside_ends_with 0

# tracer that is killed there.
begin_inside
# The first process has made it.
kill -KILL $(cat /proc/${first% }/task/${first% }/children)
inside_ends_with 137

# All that is there is killed at once: nobody is left to clear up until tracer runs again.
begin_inside
kill -KILL $first
wait $outer || :
inner_learns || fail "the kernel removes instances by itself"
tracer list -G __sys_sendto --learn 1s >/tmp/out 2>/tmp/list.err || fail "exit status $?: $(cat /tmp/list.err)"
within 60 no_instance || fail "the instance of a namespace that has ended is left"

kill $workload
wait $workload || fail "the workload: $(cat /tmp/workload.err)"
nothing_left
