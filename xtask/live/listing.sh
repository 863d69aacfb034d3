# Entries are listed as perf ftrace -T lists them, nested ones, too; what -N names is not there; of a recording as well.

line='^ *[^ ]*-[0-9]*  *\[[0-9]*\]  *[0-9]*\.[0-9]*: '
tracer -T 'vfs_r*' -T vfs_open -N vfs_open sh -c 'head -n 1 /proc/uptime >/dev/null' >/tmp/out 2>/tmp/err || fail "exit status $?: $(cat /tmp/err)"
head -n 1 /tmp/out | grep -qx '# tracer: function' || fail "no head: $(head -n 4 /tmp/out)"
grep -q "${line}vfs_read <-[a-z_0-9.]*+0x[0-9a-f]*$" /tmp/out || fail "no vfs_read: $(cat /tmp/out /tmp/err)"
! grep -v "^#\|${line}vfs_" /tmp/out || fail "what is no entry of vfs_*"
! grep -q ' vfs_open' /tmp/out || fail "-N: $(grep vfs_open /tmp/out)"
# vfs_read is called by ksys_read: both are listed, and the inner one knows its caller.
tracer -t function -T vfs_read -T ksys_read sh -c 'head -n 1 /proc/uptime >/dev/null' >/tmp/out 2>/tmp/err || fail "exit status $?: $(cat /tmp/err)"
grep -A 1 "${line}ksys_read <-" /tmp/out | grep -q "${line}vfs_read <-ksys_read+0x" || fail "nested: $(cat /tmp/out)"
# Each call has its stack, nested ones, too: the function, the place after the arrow, and so on to the entry of the system call.
tracer -T ksys_read -T vfs_read --func-opts call-graph sh -c 'head -n 1 /proc/uptime >/dev/null' >/tmp/out 2>/tmp/err || fail "call-graph: exit status $?: $(cat /tmp/err)"
awk '
    / <stack trace>$/ { if (function_ == "") exit 1; stacks++; frame = 0; next }
    / <-/ { if (function_ != "" && frame < 3) exit 2; function_ = $(NF - 1); caller = substr($NF, 3); frame = 0; entries++; next }
    /^ => / { frame++; if (frame == 1 && $2 != function_ || frame == 2 && $2 != caller) exit 3; if ($2 ~ /^do_syscall_64|^invoke_syscall/) calls++ }
    END { if (!entries || entries != stacks || calls < entries) exit 4 }' /tmp/out || fail "call-graph: $?: $(head -n 60 /tmp/out)"
grep -A 2 '^ => vfs_read$' /tmp/out | grep -q '^ => ksys_read+0x' || fail "call-graph: no stack of the inner call: $(head -n 60 /tmp/out)"
tracer -G vfs_read --func-opts call-graph true 2>/tmp/err && fail "call-graph of a graph"
said 'name functions with -T'
tracer record --print -o /tmp/recording --format function -G ksys_read --graph-depth 1 -- sh -c 'head -n 1 /proc/uptime >/dev/null' >/tmp/out 2>/tmp/err || fail "record: $(cat /tmp/err)"
tracer replay /tmp/recording --format function >/tmp/replayed 2>/tmp/err || fail "replay: $(cat /tmp/err)"
cmp /tmp/out /tmp/replayed || fail "the replay differs"
grep -q "${line}ksys_read$" /tmp/replayed || fail "replayed: $(cat /tmp/replayed)"
