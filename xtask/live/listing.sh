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
tracer record --print -o /tmp/recording --format function -G ksys_read --graph-depth 1 -- sh -c 'head -n 1 /proc/uptime >/dev/null' >/tmp/out 2>/tmp/err || fail "record: $(cat /tmp/err)"
tracer replay /tmp/recording --format function >/tmp/replayed 2>/tmp/err || fail "replay: $(cat /tmp/err)"
cmp /tmp/out /tmp/replayed || fail "the replay differs"
grep -q "${line}ksys_read$" /tmp/replayed || fail "replayed: $(cat /tmp/replayed)"
