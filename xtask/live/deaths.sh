# Tasks that die inside a root, functions that never return: the root call ends with the task, and its place is free again.
# limit: 240

deaths() { grep -c 'the task died here' /tmp/out || :; }

# Traces the roots that follow while so many tasks die: `die COUNT ARGUMENTS...`.
die() {
    count=$1
    shift
    trace --learn 0 --comm forker "$@"
    hear 'tracer: tracing' 60
    forks "$count"
    all_died() { [ "$(deaths)" -ge "$count" ]; }
    # What the kernel skipped never comes, and is said at the end.
    within 20 all_died || echo "$*: $(deaths) of $count deaths after 20 s"
    kill -INT $tracer
    ends_with 0
    seen=$(deaths)
    [ $((seen + $(skipped_roots))) = $count ] || fail "$*: $seen of $count deaths, $(skipped_roots) skipped: $(cat /tmp/err)"
    check_listing >/tmp/calls || fail "$*: $(cat /tmp/calls)"
    said "tracer: 0 whole calls*, $seen partial" && all_seen || fail "$*: $(cat /tmp/err)"
}

printf '%s\n' do_exit exit_signals exit_mm exit_files exit_fs exit_notify do_task_dead >/tmp/functions
# Never returns, below a root and as one that is called by another: all of it is there, down to do_task_dead.
die 20 --functions /tmp/functions -G do_group_exit -G do_exit
[ "$(grep -c '|  do_group_exit() {' /tmp/out)" = 20 ] || fail "do_group_exit: $(grep -c '|  do_group_exit() {' /tmp/out) of 20 calls"
[ "$(grep -c '|    do_exit() {' /tmp/out)" = 20 ] || fail "do_group_exit: do_exit is in $(grep -c '|    do_exit() {' /tmp/out) of 20"
[ "$(grep -c '|      do_task_dead()' /tmp/out)" = 20 ] || fail "do_exit: do_task_dead is in $(grep -c '|      do_task_dead()' /tmp/out) of 20"

# A root that begins when the task is nearly gone. There are places for 1022 tasks, which must not fill up.
die 1200 -G do_task_dead --graph-opts depth=1
! said 'root calls were not traced' || fail "do_task_dead: $(cat /tmp/err)"

# A task that is killed where it sleeps: the call in which it sleeps ends with an error, and then it dies in the call that gets the signal.
drive sleep 60000000
trace --functions /tmp/functions -G __sys_recvfrom -G get_signal --comm sleeper
hear 'tracer: tracing' 60
# The number of recvfrom(2).
case $(uname -m) in
x86_64) number=45 ;;
aarch64) number=207 ;;
esac
waits() { grep -q "^$number " /proc/$workload/task/*/syscall; }
within 20 waits || fail "nobody waits in recvfrom: $(cat /proc/$workload/task/*/syscall)"
kill -KILL $workload
wait $workload || :
all_died() { [ "$(deaths)" = 1 ]; }
within 20 all_died || fail "the killed task has not died in get_signal: $(cat /tmp/err)"
kill -INT $tracer
ends_with 0
grep -q '|  get_signal() {' /tmp/out || fail "get_signal: $(cat /tmp/out)"
nothing_left 60
