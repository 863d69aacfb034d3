# limit: 300
# only on 6.1, 6.12, 7.3: pairs alone; where exits have lost the arguments; the newest, whose structures have moved
# What --arg reads is what was put there, at the entry and at the exit; --where turns away what it should.

tracer check >/tmp/check

# Lines go to a file of this name that is opened for appending: O_WRONLY|O_APPEND|O_LARGEFILE.
printf '%s\n' 'exec 3>>/tmp/appended' 'echo 1234567 >&3' 'echo abc >&3' 'echo >&3' >/tmp/writes
write() {
    rm -f /tmp/appended
    tracer --learn 0 "$@" -- sh /tmp/writes >/tmp/out 2>/tmp/err || fail "exit status $?: $(cat /tmp/err)"
}
has() {
    grep -qF "$1" /tmp/out || fail "$mechanism: no $1: $(head -n 12 /tmp/out; cat /tmp/err)"
}
has_calls() {
    calls=$(check_listing) || fail "$mechanism: $calls"
    [ "$calls" = "$1" ] || fail "$mechanism: $calls root calls instead of $1: $(cat /tmp/out /tmp/err)"
}

printf '%s\n' vfs_write >/tmp/functions
# O_WRONLY, O_APPEND and the processor's own O_LARGEFILE.
case $(uname -m) in
x86_64) flags=33793 ;;
aarch64) flags=132097 ;;
esac
for mechanism in multi kprobe kprobe-multi pair; do
    [ $mechanism = pair ] || grep -q "^ok  *$mechanism " /tmp/check || continue
    # Where one program is for both ends, that for each end has nothing of its own.
    [ $mechanism != kprobe-multi ] || ! grep -q "^ok  *kprobe " /tmp/check || continue
    # A root: numbers, texts, what a pointer leads to before and after.
    write --attach $mechanism -G vfs_write --graph-depth 1 --where 'file.path == "appended"' \
        --arg 'vfs_write: file->f_flags, count, file.path, *pos, file->f_inode->i_size, buf'
    has 'vfs_write(file->f_flags='$flags', count=8, file.path="appended", *pos=0→8, file->f_inode->i_size=0→8, buf="1234567\n'
    has 'count=4, file.path="appended", *pos=8→12, file->f_inode->i_size=8→12, buf="abc\n'
    has 'count=1, file.path="appended", *pos=12→13, file->f_inode->i_size=12→13, buf="\n'
    has_calls 3
    # Below a root: memory that is not there shows as such, and the rest goes on.
    write --attach $mechanism --functions /tmp/functions -G ksys_write --where 'count == 4 || count == 1' \
        --arg 'vfs_write: ((struct file *)count)->f_flags, count'
    has 'vfs_write(((struct file *)count)->f_flags=?, count=4)'
    has 'vfs_write(((struct file *)count)->f_flags=?, count=1)'
    has_calls 2
done
mechanism=

# Conditions whose number of root calls is known; fd is 3 for each.
conditions() {
    while read -r wanted condition; do
        write -G ksys_write --graph-depth 1 --where "$condition"
        has_calls "$wanted"
        [ "$wanted" -gt 0 ] || grep -q 'with arguments that do not meet --where' /tmp/err || fail "nothing, and no reason: $(cat /tmp/err)"
    done
}
conditions <<'LIST'
3 !(count == 77) && fd == 1
1 count >= 0x8
2 (count & 5) != 0
2 buf == "1234567"* || count & 8 || count == 1
1 buf == "abc"* && count <= 4
0 count == 77 || fd < 0
LIST

about() {
    wanted=$1
    shift
    tracer --learn 0 --graph-depth 1 "$@" >/tmp/out 2>/tmp/err || fail "$*: $?: $(cat /tmp/err)"
    has_calls "$wanted"
}
# A file, by another name than that by which it is opened.
rm -f /tmp/appended
touch /tmp/appended
ln /tmp/appended /tmp/linked
about 3 -n 3 -G vfs_write --path /tmp/linked -- sh /tmp/writes
# A socket: its addresses are those that /proc has.
drive tcp 20000
ports() {
    awk '$4 == "01" && $2 ~ /^0100007F/ { split($2, a, ":"); split($3, b, ":"); print a[2], b[2]; exit }' /proc/net/tcp >/tmp/ports
    [ -s /tmp/ports ]
}
within 20 ports || fail "no connection: $(cat /proc/net/tcp)"
read -r one other </tmp/ports
one=$((0x$one)) other=$((0x$other))
tracer record --print -o /tmp/recording --learn 0 -p $workload -G tcp_sendmsg --graph-depth 1 -n 2 --where 'size == 7 && sk->sk_state == TCP_ESTABLISHED' \
    --arg 'tcp_sendmsg: sk.tuple, sk.dport, sk.family, size, ((struct tcp_sock *)sk)->write_seq, msg->msg_iter.count' >/tmp/out 2>/tmp/err || fail "a socket: $?: $(cat /tmp/err)"
grep -Eq "sk.tuple=127.0.0.1:($one|$other) > 127.0.0.1:($one|$other), sk.dport=($one|$other), sk.family=2, size=7, \(\(struct tcp_sock \*\)sk\)->write_seq=[0-9]+→[0-9]+, msg->msg_iter->count=7→0\)" /tmp/out ||
    fail "a socket of ports $one and $other: $(cat /tmp/out)"
tracer replay /tmp/recording --graph-depth 1 >/tmp/replayed 2>/tmp/err || fail "replay: $(cat /tmp/err)"
cmp /tmp/out /tmp/replayed || fail "the replay differs: $(diff /tmp/out /tmp/replayed | head -n 5)"
tracer replay --format json /tmp/recording >/tmp/json 2>/tmp/err || fail "replay: $(cat /tmp/err)"
grep -q '"fields":\[{"name":"sk.tuple","value":"127.0.0.1:[0-9]* > 127.0.0.1:[0-9]*"}' /tmp/json || fail "no fields in JSON: $(head -c 600 /tmp/json)"
tracer --learn 0 -p $workload -G tcp_sendmsg --graph-depth 1 --duration 300ms --where "sk.dport == 1" >/tmp/out 2>/tmp/err || fail "another port: $?: $(cat /tmp/err)"
has_calls 0
# Short forms: what they are about depends on what the root takes.
about 2 -n 2 -p $workload -G tcp_sendmsg --port $one
about 2 -n 2 -p $workload -G inet_sendmsg --port $other
about 0 --duration 300ms -p $workload -G tcp_sendmsg --port 1
about 2 -n 2 -p $workload -G tcp_sendmsg --peer 127.0.0.1 --where 'size == 7'
about 0 --duration 300ms -p $workload -G tcp_sendmsg --peer ::1
about 2 -n 2 -G dev_hard_start_xmit --ifname lo
about 0 --duration 300ms -G dev_hard_start_xmit --ifname eth7
# What is known when a call returns: only calls that meet it are shown.
tracer record --print -o /tmp/recording --learn 0 -p $workload -G tcp_sendmsg --graph-depth 1 -n 3 --where-exit 'retval == 7 && size == 7 && msg->msg_iter.count == 0 && duration < 10s' >/tmp/out 2>/tmp/err ||
    fail "at the exit: $?: $(cat /tmp/err)"
has 'tcp_sendmsg(size=7, msg->msg_iter->count=7→0)'
has_calls 3
for condition in "--where=msg.msg_iter.count==7" "--where-exit=msg.msg_iter.count==0" "--where-exit=retval>6&&duration" "--where-exit=retval==size"; do
    tracer replay "$condition" /tmp/recording >/tmp/replayed 2>/tmp/err || fail "replay $condition: $(cat /tmp/err)"
    [ "$(grep -c 'tcp_sendmsg(' /tmp/replayed)" = 3 ] || fail "replay $condition: $(cat /tmp/replayed /tmp/err)"
done
for condition in "--where=msg.msg_iter.count==0" "--where-exit=msg.msg_iter.count==7" "--where-exit=retval<0"; do
    tracer replay "$condition" /tmp/recording >/tmp/replayed 2>/tmp/err || fail "replay $condition: $(cat /tmp/err)"
    ! grep -q 'tcp_sendmsg(' /tmp/replayed || fail "replay $condition: $(cat /tmp/replayed)"
    grep -q "filtered out by ${condition%%=*}" /tmp/err || fail "replay $condition: nothing, and no reason: $(cat /tmp/err)"
done
kill $workload
wait $workload || fail "the workload: $(cat /tmp/workload.err)"

# What can be asked for.
tracer list --proto tcp_sendmsg >/tmp/out 2>/tmp/err || fail "--proto: $?: $(cat /tmp/err)"
grep -qx 'int tcp_sendmsg(struct sock \*sk, struct msghdr \*msg, size_t size)' /tmp/out || fail "--proto: $(head -n 3 /tmp/out)"
grep -q '^    sk->sk_wmem_queued  *int$' /tmp/out || fail "--proto, members: $(head -n 9 /tmp/out)"
tracer list --proto 'tcp_sendmsg: sk->sk_socket' >/tmp/out 2>/tmp/err || fail "--proto: $?: $(cat /tmp/err)"
grep -q '^    sk->sk_socket->file  *struct file \*$' /tmp/out || fail "--proto, members of a member: $(head -n 9 /tmp/out)"

# What is wrong is said with its place.
wrong() {
    status=0
    tracer -G vfs_write "$1" "$2" -- true >/tmp/out 2>/tmp/err || status=$?
    [ $status = "$3" ] || fail "$1 $2: exit status $status instead of $3: $(cat /tmp/err)"
    grep -qF "$4" /tmp/err || fail "$1 $2: no $4: $(cat /tmp/err)"
}
wrong --arg 'vfs_write: file->f_flgs' 2 'has no member `f_flgs`; there is f_flags'
grep -q '^ *^^^^^^$' /tmp/err || fail "no mark under the place: $(cat /tmp/err)"
wrong --arg 'vfs_write: fil' 2 '`vfs_write` has no argument `fil`; there is file, buf, count, pos'
wrong --port 1 2 'is about a socket (struct sock * or socket *), and `vfs_write` takes none'
wrong --path /no/such 2 'name a file that is there'
wrong --arg 'no_such_function: file' 5 'no kernel function is called `no_such_function`'
wrong --where 'count == NO_SUCH' 2 '`NO_SUCH` is no number of an enum and no error'
