# `tracer check` finds all it needs here; `tracer list` tells what is traced and what not.
# limit: 300

tracer check >/tmp/out 2>/tmp/err || fail "check: exit status $?: $(cat /tmp/out)"
for line in 'privileges .*CAP_SYS_ADMIN' 'types .*BTF' 'symbols .*[1-9][0-9]* functions' 'text .*kcore' 'learning .*[1-9][0-9]* functions' 'switch .*probes on' 'fentry/fexit'; do
    grep -q "^ok  *$line" /tmp/out || fail "check: no '$line' in: $(cat /tmp/out)"
done
[ ! -s /tmp/err ] || fail "check: $(cat /tmp/err)"
# Every other test follows what `check` says is there, so here is said what must be: else all of them would pass by pairs. A kernel
# that is none of the matrix has what it has.
# has WAYS: these ways besides pairs, and no others.
has() {
    found=$(sed -n 's/^ok  *\(multi\|kprobe\|kprobe-multi\) .*/\1/p' /tmp/out | tr '\n' ' ')
    [ "$found" = "$1" ] || fail "check on $(uname -r) finds '$found' instead of '$1': $(cat /tmp/out)"
}
case $(uname -r) in
6.1.0-*) has '' ;;
6.1.*) has 'kprobe-multi ' ;;
6.12.* | 6.18.*) has 'kprobe kprobe-multi ' ;;
7.3.*) has 'multi kprobe kprobe-multi ' ;;
esac
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
grep -q 'in the text, 1 calls away$' /tmp/out || fail "list: nothing from the text"
grep -q '^[^ ]*  *in the text, .* away, left out: [a-z]' /tmp/out || fail "list: nothing is left out"
tail -n 1 /tmp/out | grep -q '^[1-9][0-9]* functions: 1 roots, [1-9][0-9]* under them, [1-9][0-9]* left out$' || fail "list: $(tail -n 1 /tmp/out)"
# By the syscall's name.
tracer list -G sendto --learn 0 2>/tmp/err | grep -q '^__sys_sendto  *root$' || fail "list -G sendto"

tracer list 'tcp_bpf_*' >/tmp/out 2>/tmp/err || fail "list GLOB: exit status $?: $(cat /tmp/err)"
grep -qx tcp_bpf_sendmsg /tmp/out || fail "list GLOB: no tcp_bpf_sendmsg"
! grep -v '^tcp_bpf_\|functions: ' /tmp/out || fail "list GLOB: others"

# Each name of each function that ftrace reaches finds it, and so does the name of each system call.
sed 's/ .*//' /sys/kernel/tracing/available_filter_functions | grep -v ^__ftrace_invalid >/tmp/names
# Second names are among these.
sed -n 's/.* [tTwW] \(__\(do\|x64\|ia32\)_sys_[a-z0-9_]*\)$/\1/p' /proc/kallsyms | grep -v ni_syscall >/tmp/entries
sed -n 's/^__x64_sys_//p' /tmp/entries >/tmp/calls
[ "$(wc -l </tmp/names)" -gt 30000 ] && [ "$(wc -l </tmp/calls)" -gt 300 ] || fail "$(wc -l /tmp/names /tmp/calls)"
tracer list $(cat /tmp/names /tmp/entries /tmp/calls) stat fstat lstat uname umount2 sendfile >/tmp/out 2>/tmp/err || fail "a name is not found: $(cat /tmp/err)"
# missing FILE: its lines that do not come in.
missing() { awk 'NR == FNR { seen[$0]; next } !($0 in seen)' - "$1" >/tmp/missing; }
sed 's/ .*//' /tmp/out | missing /tmp/names
# Of several names at an address one is shown, and what the kernel marks notrace is not, though it shares a name.
[ "$(wc -l </tmp/missing)" -lt 600 ] || fail "$(wc -l </tmp/missing) names are not listed: $(head -n 20 /tmp/missing | tr '\n' ' ')"
sed -n 's/^\(__x64_sys\|__sys\|ksys\|__do_sys\)_\([a-z0-9_]*\).*/\2/p' /tmp/out | missing /tmp/calls
[ ! -s /tmp/missing ] || fail "system calls that are not listed: $(tr '\n' ' ' </tmp/missing)"

# What only its address tells apart is traced where kprobe.session is there, and left out with its reason where it is not; what costs
# much has to be asked for; what an fprobe's own code runs is never attached.
one() { tracer list "$@" 2>/tmp/err | head -n 1; }
if tracer check | grep -q '^ok  *kprobe'; then
    tracer list '*.isra.0' 2>/tmp/err | grep -qx '[^ ]*[.]isra[.]0' || fail "nothing without a type: $(tracer list '*.isra.0' | head -n 3)"
    [ "$(one --all-calls __rcu_read_lock)" = __rcu_read_lock ] || fail "--all-calls: $(one --all-calls __rcu_read_lock)"
    ! tracer list 'rcu_read_lock_any_held' | grep -qx rcu_read_lock_any_held || fail "rcu_read_lock_any_held would be attached"
else
    tracer list '*.isra.0' 2>/tmp/err | grep -q 'left out: no BTF' || fail "nothing is left out for want of a type"
    one --all-calls __rcu_read_lock | grep -q 'left out' || fail "--all-calls: $(one --all-calls __rcu_read_lock)"
fi
one __rcu_read_lock | grep -q 'left out: on the kernel.s own deny list' || fail "__rcu_read_lock: $(one __rcu_read_lock)"
nothing_left
