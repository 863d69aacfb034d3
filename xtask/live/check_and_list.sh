# `tracer check` finds all it needs here; `tracer list` tells what is traced and what not.

tracer check >/tmp/out 2>/tmp/err || fail "check: exit status $?: $(cat /tmp/out)"
for line in 'privileges .*CAP_SYS_ADMIN' 'types .*BTF' 'symbols .*[1-9][0-9]* functions' 'text .*kcore' 'learning .*[1-9][0-9]* functions' 'switch .*probes on' 'fentry/fexit'; do
    grep -q "^ok  *$line" /tmp/out || fail "check: no '$line' in: $(cat /tmp/out)"
done
[ ! -s /tmp/err ] || fail "check: $(cat /tmp/err)"
# Every other test follows what `check` says is there, so here is said what must be (xtask/matrix.toml): else all of them would pass by
# pairs. A kernel that is none of the matrix has what it has.
found=$(sed -n 's/^ok  *\(multi\|kprobe\|kprobe-multi\) .*/\1/p' /tmp/out | tr '\n' ' ')
if [ -n "${MUST_HAVE+set}" ]; then
    [ "${found% }" = "$MUST_HAVE" ] || fail "check on $(uname -r) finds '$found' instead of '$MUST_HAVE': $(cat /tmp/out)"
fi
! grep -q 'taken only with --attach' /tmp/out || fail "check does not trust what was seen to be safe: $(cat /tmp/out)"
tracer check -q >/tmp/out || fail "check -q: exit status $?"
[ ! -s /tmp/out ] || fail "check -q says something"
# It says what is missing.
mkdir -p /tmp/empty
status=0
unshare -m sh -c 'mount --bind /tmp/empty /sys/kernel/btf; exec tracer check' >/tmp/out || status=$?
[ $status = 4 ] || fail "check without BTF: exit status $status"
grep -q '^MISSING  *types' /tmp/out || fail "check without BTF: $(cat /tmp/out)"

tracer list -G __sys_sendto --learn 0 >/tmp/out 2>/tmp/err || fail "list: exit status $?: $(cat /tmp/err)"
grep -q '^__sys_sendto  *root$' /tmp/out || fail "list: no root"
grep -q 'in the text, 1 call away$' /tmp/out || fail "list: nothing from the text"
grep -q '^[^ ]*  *in the text, .* away, skipped: [a-z]' /tmp/out || fail "list: nothing is skipped"
tail -n 1 /tmp/out | grep -q '^[1-9][0-9]* functions: 1 root, [1-9][0-9]* under them, [1-9][0-9]* skipped$' || fail "list: $(tail -n 1 /tmp/out)"
# By the syscall's name.
tracer list -G sendto --learn 0 2>/tmp/err | grep -q '^__sys_sendto  *root$' || fail "list -G sendto"

tracer list 'tcp_bpf_*' >/tmp/out 2>/tmp/err || fail "list GLOB: exit status $?: $(cat /tmp/err)"
grep -qx tcp_bpf_sendmsg /tmp/out || fail "list GLOB: no tcp_bpf_sendmsg"
! grep -v '^tcp_bpf_\|functions: ' /tmp/out || fail "list GLOB: others"

# What only its address tells apart is traced where kprobe.session is there, and skipped with its reason where it is not; what costs
# much has to be asked for; what an fprobe's own code runs is never attached.
# Only where preemption needs them.
has_rcu_calls() { grep -q ' __rcu_read_lock$' /proc/kallsyms; }
one() { tracer list "$@" 2>/tmp/err | head -n 1; }
if tracer check | grep -q '^ok  *kprobe'; then
    tracer list '*.isra.0' 2>/tmp/err | grep -qx '[^ ]*[.]isra[.]0' || fail "nothing without a type: $(tracer list '*.isra.0' | head -n 3)"
    if has_rcu_calls; then
        [ "$(one --all-calls __rcu_read_lock)" = __rcu_read_lock ] || fail "--all-calls: $(one --all-calls __rcu_read_lock)"
    fi
    ! tracer list 'rcu_read_lock_any_held' | grep -qx rcu_read_lock_any_held || fail "rcu_read_lock_any_held would be attached"
else
    tracer list '*.isra.0' 2>/tmp/err | grep -q 'skipped: no BTF' || fail "nothing is skipped for want of a type"
    ! has_rcu_calls || one --all-calls __rcu_read_lock | grep -q 'skipped' || fail "--all-calls: $(one --all-calls __rcu_read_lock)"
fi
! has_rcu_calls || one __rcu_read_lock | grep -q 'skipped: on the kernel.s own deny list' || fail "__rcu_read_lock: $(one __rcu_read_lock)"
nothing_left
