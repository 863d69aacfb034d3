# Nothing of a sampling process stays that is killed; in a PID namespace there is none, so nothing
# stays when all that runs there is killed at once.
# limit: 300
# only on 6.12: what tracer and its sampling process do at their ends; with each window the kernel patches all of its functions

drive unix
sends="--no-cache --gentle -G __sys_sendto"

# One that is killed alone, as the OOM killer would: tracer has another clear up, and goes on.
trace $sends
within 20 learning || fail "no instance of the function tracer"
[ "$(cat /proc/$sampler/oom_score_adj)" = -1000 ] || fail "the OOM killer takes the sampling process before others"
kill -KILL $sampler
hear 'tracer: tracing' 60
within 60 no_instance || fail "the instance of a sampling process that was killed stays"
kill -INT $tracer
ends_with 0

# An instance that was left, as by a version that made one in a PID namespace, goes with the next sampling process.
mkdir /sys/kernel/tracing/instances/tracer-7-4026532201
tracer list -G __sys_sendto --learn 1s >/tmp/out 2>/tmp/list.err || fail "exit status $?: $(cat /tmp/list.err)"
within 60 no_instance || fail "an instance that was left stays"

# inside_ends_with SIGNAL STATUS: tracer traces as the first process of a PID namespace, without an
# instance, and with that signal nothing of it stays.
inside_ends_with() {
    : >/tmp/err
    : >/tmp/err
    unshare -p -f --mount-proc tracer $sends >/tmp/out 2>/tmp/err &
    outer=$!
    hear 'tracer: tracing' 60
    [ "$(grep -c 'the function tracer is not used here' /tmp/err)" = 1 ] || fail "not said once that nothing is sampled: $(cat /tmp/err)"
    no_instance || fail "the function tracer is used in a PID namespace"
    patched || fail "nothing is traced in a PID namespace"
    kill -"$1" $(cat /proc/$outer/task/$outer/children)
    status=0
    wait $outer || status=$?
    [ $status = "$2" ] || fail "in a namespace: exit status $status instead of $2: $(cat /tmp/err)"
    within 60 unpatched || fail "after SIG$1 functions stay patched: $(head -n 3 /sys/kernel/tracing/enabled_functions)"
    no_instance || fail "after SIG$1 an instance stays"
}
inside_ends_with INT 0
# All that is there is killed at once.
inside_ends_with KILL 137
unshare -p -f --mount-proc tracer list -G __sys_sendto --learn 1s >/tmp/out 2>/tmp/err || fail "exit status $?: $(cat /tmp/err)"
said 'the function tracer is not used here' || fail "list does not say that nothing is sampled: $(cat /tmp/err)"

kill $workload
wait $workload || fail "the workload: $(cat /tmp/workload.err)"
nothing_left
