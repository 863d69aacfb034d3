# Whose root calls are traced when processes start others, numbers come to others, and tracer runs in a PID namespace.
# limit: 400
# only on 6.1, 6.12, 7.3: the oldest kernel, and the two that containers run on most; of each mechanism one

. /live/harness/root_calls.sh
echo mine >/tmp/mine
opens="-G do_sys_openat2 --graph-opts depth=1,args"
# opens ARGUMENTS...: a trace of what is opened, which is /tmp/mine so many times: $mine.
opens() {
    tracer --learn 0 $opens "$@" >/tmp/out 2>/tmp/err || fail "$*: exit status $?: $(cat /tmp/err)"
    mine=$(grep -c '"/tmp/mine"' /tmp/out) || :
}

# What a command starts is traced with it.
opens -- sh -c '/bin/busybox cat /tmp/mine; /bin/busybox cat /tmp/mine; true'
[ "$mine" = 2 ] || fail "$mine opens of two in what the command started: $(cat /tmp/out)"
opens --no-inherit -- sh -c '/bin/busybox cat /tmp/mine; : </tmp/mine'
[ "$mine" = 1 ] || fail "--no-inherit: $mine opens, and not that of the command itself: $(cat /tmp/out)"
# It ends with the command, whatever that has left.
opens -- sh -c 'sleep 100 & true'
kill $(pidof sleep)

# What a process starts that is named by number is traced if that is asked for; so with a task.
echo 'while :; do /bin/busybox cat /tmp/mine; usleep 20000; done' >/tmp/parent.sh
sh /tmp/parent.sh >/dev/null &
parent=$!
opens -p $parent --duration 1s
[ "$mine" = 0 ] || fail "-p: what the process starts is there: $(cat /tmp/out)"
for named in -p --tid; do
    opens $named $parent --inherit --duration 1s
    [ "$mine" != 0 ] || fail "$named --inherit: nothing of what it starts: $(cat /tmp/err)"
done
opens -p $$ --inherit --duration 1s
[ "$mine" = 0 ] || fail "--inherit: what others start is there: $(cat /tmp/out)"
kill $parent

# A number that comes to another process is that one's.
sleep 100 &
stays=$!
sleep 100 &
goes=$!
trace --learn 0 -G ksys_write --graph-opts depth=1 -p $stays -p $goes
hear 'tracer: tracing' 20
kill $goes
wait $goes || :
left=20 again=
until [ "$again" = $goes ] || [ $left = 0 ]; do
    # The one that was given last (CONFIG_CHECKPOINT_RESTORE).
    echo $((goes - 1)) >/proc/sys/kernel/ns_last_pid
    sh -c 'echo mine' >/tmp/again &
    again=$!
    wait $again
    left=$((left - 1))
done
[ "$again" = $goes ] || fail "number $goes does not come again: $again"
kill $stays
ends_with 0
said '^tracer: 0 whole calls' || fail "a number that came to another is traced: $(cat /tmp/out)"

# So with a task: the trace ends with it.
sleep 1000 &
goes=$!
trace --learn 0 -G ksys_write --tid $goes
hear 'tracer: tracing' 20
kill $goes
wait $goes || :
within 10 said '^tracer: 0 whole calls' || fail "a trace of a task that has ended goes on"
ends_with 0

# In a PID namespace, of which tracer is the first process: the command, a process by its number there, and not tracer itself.
inside() {
    unshare -p -f --mount-proc "$@"
}
inside tracer --learn 0 -G ksys_write --graph-opts depth=1 -o /tmp/out -- echo hi >/tmp/said 2>/tmp/err || fail "in a namespace: exit status $?: $(cat /tmp/err)"
calls=$(check_listing) || fail "in a namespace: $calls"
[ "$calls" = 1 ] || fail "in a namespace: $calls calls, and not the command's one: $(cat /tmp/err)"
said 'this is a PID namespace' || fail "it is not said whose numbers are shown: $(cat /tmp/err)"
inside tracer --learn 0 -G ksys_write --graph-opts depth=1,verbose --duration 500ms >/tmp/out 2>/tmp/err || fail "in a namespace: exit status $?: $(cat /tmp/err)"
! grep -q ') *tracer-' /tmp/out || fail "in a namespace tracer traces itself: $(head -n 4 /tmp/out)"
echo 'while :; do echo mine; usleep 20000; done' >/tmp/writer.sh
inside sh -c 'sh /tmp/writer.sh >/tmp/written & tracer --learn 0 -G ksys_write --graph-opts depth=1,verbose -n 3 -p $! >/tmp/out 2>/tmp/err' || fail "-p in a namespace: exit status $?: $(cat /tmp/err)"
[ "$(check_listing)" = 3 ] || fail "-p in a namespace: $(check_listing) calls: $(cat /tmp/err)"
! grep 'ksys_write()' /tmp/out | grep -qv ') *sh-' || fail "-p in a namespace: others' calls: $(cat /tmp/out)"
inside tracer --learn 0 $opens -- sh -c '/bin/busybox cat /tmp/mine; true' >/tmp/out 2>/tmp/err || fail "in a namespace: exit status $?: $(cat /tmp/err)"
[ "$(grep -c '"/tmp/mine"' /tmp/out)" = 1 ] || fail "in a namespace: nothing of what the command started: $(cat /tmp/err)"

# A cgroup that is made again is followed.
again=/sys/fs/cgroup/again
mkdir -p $again
trace --learn 0 -G ksys_write --graph-opts depth=1,verbose --cgroup $again
hear 'tracer: tracing' 20
rmdir $again
hear "the cgroup $again is gone" 5
mkdir $again
hear "the cgroup $again was made again" 5
sh /tmp/writer.sh >/tmp/written &
writer=$!
echo $writer >$again/cgroup.procs
within 10 grep -q ' sh-' /tmp/out || fail "a cgroup that was made again is not traced"
kill -INT $tracer
ends_with 0
kill $writer
wait $writer || :
remove_cgroup $again
nothing_left
