# What a call was given stands behind its name, whichever way it was attached.

drive tcp 20000
tracer check >/tmp/check
for way in multi kprobe pair; do
    [ $way = pair ] || grep -q "^ok  *$way " /tmp/check || continue
    tracer --attach $way --learn 0 -p $workload --graph-opts args,depth=1 -G tcp_sendmsg -G tcp_sendmsg_locked -n 3 >/tmp/out 2>/tmp/err || fail "$way: exit status $?: $(cat /tmp/err)"
    grep -q 'tcp_sendmsg(sk=0xff[0-9a-f]*, msg=0xff[0-9a-f]*, size=7)' /tmp/out || fail "$way: $(head -n 8 /tmp/out)"
    calls=$(check_listing) || fail "$way: $calls"
    [ "$calls" = 3 ] || fail "$way: $calls root calls instead of 3"
    tracer --attach $way --learn 0 -p $workload --graph-opts depth=1 -G tcp_sendmsg -n 1 >/tmp/out 2>/tmp/err || fail "$way: exit status $?: $(cat /tmp/err)"
    grep -q 'tcp_sendmsg();' /tmp/out || fail "$way, without being asked: $(head -n 8 /tmp/out)"
done
kill $workload
wait $workload || fail "the workload: $(cat /tmp/workload.err)"
