# A root in which another task is made: the new task is not in it, and has root calls of its own.

# So many forks, and what they are traced by: `trace_forks COUNT ARGUMENTS...`.
trace_forks() {
    count=$1
    shift
    trace --learn 0 --comm forker "$@"
    hear 'tracer: tracing' 60
    forks "$count"
    kill -INT $tracer
    ends_with 0
    check_listing >/tmp/calls || fail "$*: $(cat /tmp/calls)"
    all_seen || fail "$*: $(cat /tmp/err)"
}

# Nothing is learned, and the text says more than is needed here.
printf '%s\n' copy_process dup_task_struct copy_creds copy_files copy_fs copy_thread wake_up_new_task ret_from_fork schedule_tail >/tmp/functions
trace_forks 30 --functions /tmp/functions -G kernel_clone --graph-opts noirqs,verbose
calls=$(grep -c '|  kernel_clone() {' /tmp/out) || :
[ "$calls" = 30 ] || fail "$calls root calls for 30 forks: $(cat /tmp/err)"
grep -q 'copy_process() {' /tmp/out || fail "nothing below kernel_clone"
# What a new task runs first.
! grep -q 'schedule_tail\|ret_from_fork' /tmp/out || fail "the new task is in its parent's call"
tasks=$(sed -n 's/.*) *\(forker-[0-9]*\) .*kernel_clone() {$/\1/p' /tmp/out | sort -u | wc -l)
[ "$tasks" = 1 ] || fail "$tasks tasks call kernel_clone, and not one"

# Both sides at once, each in its own.
trace_forks 30 -G kernel_clone -G schedule_tail --graph-opts depth=1,verbose
for root in kernel_clone schedule_tail; do
    [ "$(grep -c "|  $root()" /tmp/out)" = 30 ] || fail "$root: $(grep -c "|  $root()" /tmp/out) of 30: $(cat /tmp/err)"
done
# With pairs one may lack its end.
tasks=$(sed -n 's/.*) *\(forker-[0-9]*\) .*|  schedule_tail().*/\1/p' /tmp/out | sort -u | wc -l)
[ "$tasks" = 30 ] || fail "$tasks new tasks instead of 30: $(grep '|  schedule_tail()' /tmp/out)"
nothing_left 60
