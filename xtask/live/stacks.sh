# Stacks at root calls are those that the kernel's own tracing shows, by every mechanism, and the frames of processes have their names.
# limit: 300

tracefs=/sys/kernel/tracing

# The kernel's stacks in what is read, one a line: names without offsets, joined by semicolons, less the function's own frame, and
# less those of the kprobe that tracefs has there: on some kernels its stacks begin in its handler.
stacks() {
    awk -v own="$1" '
        function put() { if (open && stack != "") print stack; open = 0; stack = "" }
        / <stack trace>/ { put(); open = 1; next }
        !/^ => / { put(); next }
        { name = $2; sub(/\+0x.*/, "", name) }
        name == own || name ~ /^(kprobe_|0x)/ { stack = ""; next }
        open { stack = stack (stack == "" ? "" : ";") name }
        END { put() }' | sort -u
}

# The kernel's own tracing records the stacks of a function, in a task if one is named: `show FUNCTION [TASK]`, and `shown FUNCTION`
# what they were.
show() {
    echo "p:stacks $1" >$tracefs/kprobe_events
    echo "stacktrace${2:+ if common_pid == $2}" >$tracefs/events/kprobes/stacks/trigger
    echo >$tracefs/trace
    echo 1 >$tracefs/events/kprobes/stacks/enable
    within 20 traced || fail "no stack of $1 in tracefs: $(head -n 20 $tracefs/trace)"
}
shown() {
    echo 0 >$tracefs/events/kprobes/stacks/enable
    stacks "$1" <$tracefs/trace
    echo "!stacktrace" >$tracefs/events/kprobes/stacks/trigger
    echo "-:stacks" >>$tracefs/kprobe_events
}

# On arm64 those stacks lack the function's caller, which is given: they go from frame record to frame record, and the function has not
# made its own yet.
called_by() {
    [ "$(uname -m)" != aarch64 ] || sed -i "s/^/$1;/" /tmp/expected
}

# Whether some stacks are there.
traced() {
    [ "$(grep -c '<stack trace>' $tracefs/trace)" -ge 20 ]
}

[ -e $tracefs/kprobe_events ] || skip_without "kprobe events in tracefs"

# A program whose frames are known.
drive frames 20000
task=$workload
show vfs_write $task
shown vfs_write >/tmp/expected
called_by ksys_write
[ "$(wc -l </tmp/expected)" = 1 ] || fail "tracefs shows several stacks: $(cat /tmp/expected)"
mechanisms=0
for mechanism in multi kprobe kprobe-multi pair; do
    status=0
    tracer --attach $mechanism --learn 0 -G vfs_write -p $task -n 20 --stack --ustack --graph-opts depth=1 >/tmp/out 2>/tmp/err || status=$?
    [ $status = 4 ] && continue
    [ $status = 0 ] || fail "$mechanism: exit status $status: $(cat /tmp/err)"
    mechanisms=$((mechanisms + 1))
    stacks vfs_write </tmp/out >/tmp/found
    cmp -s /tmp/expected /tmp/found || fail "$mechanism: $(cat /tmp/found) instead of $(cat /tmp/expected)"
    [ "$(grep -c '<stack trace>' /tmp/out)" = 20 ] || fail "$mechanism: not every call has a stack: $(head -n 40 /tmp/out)"
    for frame in inner middle outer; do
        named=$(grep -c "^ => workload_$frame+0x[0-9a-f]* (/.*/tracer)$" /tmp/out) || :
        [ "$named" = 20 ] || fail "$mechanism: $named of 20 frames are workload_$frame: $(head -n 20 /tmp/out)"
    done
done
[ $mechanisms -gt 0 ] || fail "no mechanism"

# A recording has the names, also when the process is gone.
tracer record -o /tmp/recording --learn 0 -G vfs_write -p $task -n 20 --stack --ustack 2>/tmp/err || fail "record: $(cat /tmp/err)"
kill $task
tracer replay /tmp/recording --format folded >/tmp/folded 2>/tmp/err || fail "replay: $(cat /tmp/err)"
above='workload_outer;workload_middle;workload_inner'
kernel=$(tr ';' '\n' </tmp/expected | awk '{ all = $0 (NR > 1 ? ";" all : "") } END { print all }')
grep -q "^$above;$kernel;vfs_write [0-9]*$" /tmp/folded || fail "no $above;$kernel;vfs_write: $(cat /tmp/folded)"

# In a soft interrupt on top of a send: some twenty frames.
drive tcp 20000
# A segment comes by many ways (a send, an answer, the end of an interrupt), so both see the same calls, and those before and after.
show tcp_v4_rcv
tracer --learn 0 -G tcp_v4_rcv -n 20 --stack --graph-opts depth=1 >/tmp/out 2>/tmp/err || fail "tcp_v4_rcv: $(cat /tmp/err)"
shown tcp_v4_rcv >/tmp/expected
called_by ip_protocol_deliver_rcu
stacks tcp_v4_rcv </tmp/out >/tmp/found
[ -s /tmp/found ] || fail "no stacks of tcp_v4_rcv: $(head -n 20 /tmp/out)"
grep -vxFf /tmp/expected /tmp/found >/tmp/others && fail "tracefs shows no $(head -n 1 /tmp/others), but: $(cat /tmp/expected)"
kill $workload

# The kernel's own tasks have no process.
tracer --learn 0 -G process_one_work -n 1 --ustack --graph-opts depth=1 >/tmp/out 2>/tmp/err || fail "process_one_work: $(cat /tmp/err)"
grep -q "^ => /\* none: the task is the kernel's own \*/$" /tmp/out || fail "no reason: $(cat /tmp/out)"
