# A function whose BTF is another's is not attached by it, be its entry patched or the kernel's text hidden.
# only on 6.1: newer kernels have no such types, or a mechanism by address
# limit: 240

. /live/harness/prelude.sh

another='skipped: its text takes more arguments than its BTF says'
tracer list >/tmp/before 2>/tmp/err || fail "list: exit status $?: $(cat /tmp/err)"
function=$(grep "$another" /tmp/before | grep -v '\[' | head -n 1 | cut -d ' ' -f 1)
[ -n "$function" ] || fail "no function has the type of another: $(tail -n 1 /tmp/before)"

# The function tracer has patched all of them.
cd /sys/kernel/tracing
echo function >current_tracer
grep -q "^$function " enabled_functions || fail "$function is not patched"
tracer list >/tmp/after 2>/tmp/err || fail "list: exit status $?: $(cat /tmp/err)"
grep "$another" /tmp/before >/tmp/others
grep "$another" /tmp/after | cmp -s - /tmp/others || fail "patched, other functions are skipped: $(grep "$another" /tmp/after)"
echo nop >current_tracer
echo "$function" >set_ftrace_filter
echo function >current_tracer
echo "$function" >/tmp/functions
skipped() {
    tracer -v --attach pair --functions /tmp/functions -G __sys_sendto --duration 10ms >/tmp/out 2>/tmp/err ||
        fail "exit status $?: $(cat /tmp/err)"
    said "$1" || fail "$function is attached, not '$1': $(cat /tmp/err)"
}
skipped "skipped $function: its text takes more"

# Nobody can read the text: only a type that fills all registers harms nobody, as that of __sys_sendto.
mount --bind /dev/null /proc/kcore
skipped "skipped $function: for safety: without the kernel.s text"
status=0
tracer -G kernel_clone --duration 10ms >/tmp/out 2>/tmp/err || status=$?
[ $status = 5 ] || fail "a root that cannot be checked: exit status $status: $(cat /tmp/err)"
said 'kernel_clone. cannot be traced: for safety' || fail "a root that cannot be checked: $(cat /tmp/err)"
umount /proc/kcore
echo nop >current_tracer
echo >set_ftrace_filter
nothing_left
