# A function whose BTF is another's is not attached by it, be its entry patched or the kernel's text hidden.
# only on 6.1: `mm_init` of that kernel has the type of another function, and there are only pairs
# limit: 120

. /live/harness/prelude.sh

# left_out WORDS: what `tracer list` says of mm_init.
left_out() {
    tracer list mm_init >/tmp/out 2>/tmp/err || fail "list: exit status $?: $(cat /tmp/err)"
    grep -q "^mm_init .*left out: $1" /tmp/out || fail "mm_init is not left out with '$1': $(cat /tmp/out)"
}
another='its text takes more arguments than its BTF says'
left_out "$another"

# The function tracer has patched it.
cd /sys/kernel/tracing
echo mm_init >set_ftrace_filter
echo function >current_tracer
grep -q '^mm_init ' enabled_functions || fail "mm_init is not patched: $(cat enabled_functions)"
left_out "$another"
echo mm_init >/tmp/functions
tracer -v --attach pair --functions /tmp/functions -G kernel_clone -n 1 -- sh -c '(true); (true)' >/tmp/out 2>/tmp/err ||
    fail "exit status $?: $(cat /tmp/err)"
said "left out mm_init: $another" || fail "mm_init is attached: $(cat /tmp/err)"
[ "$(check_listing)" = 1 ] || fail "not one call: $(cat /tmp/out)"

# Nobody can read the text: only a type that fills all registers harms nobody.
mount --bind /dev/null /proc/kcore
left_out 'for safety: without the kernel.s text'
tracer -v --attach pair --functions /tmp/functions -G __sys_sendto --duration 10ms >/tmp/out 2>/tmp/err ||
    fail "without kcore: exit status $?: $(cat /tmp/err)"
said 'left out mm_init: for safety: without the kernel.s text' || fail "mm_init is attached without kcore: $(cat /tmp/err)"
status=0
tracer -G kernel_clone --duration 10ms >/tmp/out 2>/tmp/err || status=$?
[ $status = 5 ] || fail "a root that cannot be checked: exit status $status: $(cat /tmp/err)"
said 'kernel_clone. cannot be traced: for safety' || fail "a root that cannot be checked: $(cat /tmp/err)"
umount /proc/kcore
echo nop >current_tracer
echo >set_ftrace_filter
nothing_left
