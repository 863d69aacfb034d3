# Whatever is asked for that cannot be: one sentence on stderr, nothing on stdout, the documented
# exit status.
# only on 6.12: the sentences are the same on every kernel

# refused STATUS WORDS COMMAND...
refused() {
    wanted=$1 words=$2
    shift 2
    status=0
    "$@" >/tmp/out 2>/tmp/err </dev/null || status=$?
    [ $status = "$wanted" ] || fail "$*: exit status $status instead of $wanted: $(cat /tmp/err)"
    [ ! -s /tmp/out ] || fail "$*: something on stdout: $(cat /tmp/out)"
    [ "$(wc -l </tmp/err)" = 1 ] || fail "$*: not one sentence: $(cat /tmp/err)"
    grep -q "^tracer: .*$words" /tmp/err || fail "$*: no '$words' in: $(cat /tmp/err)"
}

refused 5 'no kernel function is called `__sys_sendtoo`; did you mean __sys_sendto' tracer -G __sys_sendtoo
# One of those that the kernel itself keeps probes off; which there are goes by its preemption.
for denied in __rcu_read_lock rcu_read_unlock_strict migrate_disable; do
    ! grep -q " $denied\$" /proc/kallsyms || break
done
refused 5 'deny list' tracer -G $denied
refused 5 'no traceable kernel function matches' tracer -G 'no_such_*'
refused 5 'no kernel function is called' tracer list -G nothing_like_this_at_all
refused 2 'CPU 99 is not there: this machine has CPUs 0 to 1' tracer -C 99 -G __sys_sendto
refused 2 'has no `nonsense`' tracer --graph-opts nonsense -G __sys_sendto
refused 2 'nothing to trace was given' tracer
refused 2 'there is no process 99999' tracer -p 99999 -G __sys_sendto
refused 2 'there is no task 99999' tracer --tid 99999 -G __sys_sendto
refused 2 'is no cgroup of version 2' tracer --cgroup /proc -G __sys_sendto
refused 2 'lock_sock_nested returns nothing' tracer --failed -G lock_sock_nested
refused 5 'no kernel function is called `__sys_sendtoo`; did you mean __sys_sendto' tracer -G __sys_sendto -g __sys_sendtoo
refused 5 'no kernel function is called `__sys_sendtoo`; did you mean __sys_sendto' tracer -G __sys_sendto --through __sys_sendtoo
refused 5 'no kernel function is called `sendto`; did you mean __sys_sendto' tracer -G sendto --hide sendto
refused 5 'cannot be traced' tracer -G vfs_read --through $denied
refused 5 'did you mean __sys_sendto' tracer -G __sys_sendto --contains '__sys_sendtoo && duration > 1ms'
refused 5 'no traceable kernel function matches' tracer -G vfs_read --hide 'no_such_*'
refused 5 'skips every root' tracer -G __sys_sendto -g sendto
refused 2 'power of two' tracer --ring-size 5 -G __sys_sendto
refused 6 'cannot be written' tracer -o /nowhere/file -G __sys_sendto
refused 1 '`no-such-command` cannot be run' tracer -G __sys_sendto -- no-such-command

echo 'nobody:x:65534:65534::/tmp:/bin/sh' >/etc/passwd
refused 3 'needs root' su -s /bin/sh nobody -c 'exec tracer -G __sys_sendto'
refused 3 'needs root' su -s /bin/sh nobody -c 'exec tracer list -G __sys_sendto'
hidden() {
    unshare -m sh -c "mount --bind $1 $2; exec $3"
}
mkdir -p /tmp/empty
refused 4 'no /sys/kernel/btf/vmlinux' hidden /tmp/empty /sys/kernel/btf 'tracer -G __sys_sendto'
echo 2 >/proc/sys/kernel/kptr_restrict
refused 3 'kptr_restrict' tracer -G __sys_sendto
echo 1 >/proc/sys/kernel/kptr_restrict

# Without the kernel's text, or without the function tracer, it goes by the other.
hidden /dev/null /proc/kcore 'tracer --learn 0 -G tcp_poll --duration 10ms' >/tmp/out 2>/tmp/err || fail "no kcore: exit status $?: $(cat /tmp/err)"
grep -q kcore /tmp/err || fail "no word of kcore: $(cat /tmp/err)"
nothing_left
