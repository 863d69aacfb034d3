# A root that ends with a jump to another root: both have the same return address, and each its own end.

drive sleep 20000
tracer check >/tmp/check
for way in multi kprobe pair; do
    grep -q "^ok  *$way " /tmp/check || continue
    # Which of the two it is, a call or a jump, is the compiler's choice.
    for roots in '__x64_sys_recvfrom __sys_recvfrom' 'ksys_read vfs_read' '__x64_sys_sendto __sys_sendto'; do
        set -- $roots
        trace --attach $way --learn 0 -G $1 -G $2 -p $workload --duration 1s --graph-opts noirqs
        ends_with 0
        calls=$(check_listing) || fail "$way: $roots: $calls"
        said ', 0 partial, .*, 0 gaps' || fail "$way: $roots: $(cat /tmp/err)"
    done
done
kill $workload
wait $workload || fail "the workload: $(cat /tmp/workload.err)"
nothing_left
