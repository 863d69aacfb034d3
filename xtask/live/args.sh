# What a call was given stands behind its name, whichever way it was attached; texts between quotes.

drive tcp 20000
tracer check >/tmp/check
# It matters that it is started, not what it says.
long=$(printf '%070d' 0)
ln -s "$(readlink -f /proc/self/exe)" "/tmp/$long"
for way in multi kprobe pair; do
    [ $way = pair ] || grep -q "^ok  *$way " /tmp/check || continue
    tracer --attach $way --learn 0 -p $workload --graph-opts args,depth=1 -G tcp_sendmsg -G tcp_sendmsg_locked -n 3 >/tmp/out 2>/tmp/err || fail "$way: exit status $?: $(cat /tmp/err)"
    grep -q 'tcp_sendmsg(sk=0xff[0-9a-f]*, msg=0xff[0-9a-f]*, size=7)' /tmp/out || fail "$way: $(head -n 8 /tmp/out)"
    calls=$(check_listing) || fail "$way: $calls"
    [ "$calls" = 3 ] || fail "$way: $calls root calls instead of 3"
    tracer --attach $way --learn 0 -p $workload --graph-opts depth=1 -G tcp_sendmsg -n 1 >/tmp/out 2>/tmp/err || fail "$way: exit status $?: $(cat /tmp/err)"
    grep -q 'tcp_sendmsg();' /tmp/out || fail "$way, without being asked: $(head -n 8 /tmp/out)"
    # The kernel's copy of a name, one that is cut, and the process's own.
    tracer --attach $way --learn 0 --graph-opts args,depth=1 -G __set_task_comm -G do_sys_openat2 -- \
        sh -c ": >/tmp/a-file; exec /tmp/$long" >/tmp/out 2>/tmp/err || :
    grep -q '__set_task_comm(tsk=0x[0-9a-f]*, buf="sh", ' /tmp/out || fail "$way: no name: $(grep -m 8 set_task_comm /tmp/out; cat /tmp/err)"
    grep -q '__set_task_comm(tsk=0x[0-9a-f]*, buf="0\{62\}"\.\.\., ' /tmp/out || fail "$way: no name that is cut: $(grep -m 8 set_task_comm /tmp/out)"
    grep -q 'do_sys_openat2(dfd=-100, filename="/tmp/a-file", ' /tmp/out || fail "$way: no name of the process's: $(grep -m 8 openat /tmp/out)"
done
kill $workload
wait $workload || fail "the workload: $(cat /tmp/workload.err)"
