# Functions of modules are in the graph, with their types and under their module's name, found without being named.
# limit: 300
# only on 6.1, 6.12, 7.3: pairs; kprobe.session; fsession.multi, whose links go by a module's BTF

# One that is loaded while the trace runs joins it, as a root and below; what the command does first has it loaded. It goes on until
# the module has joined.
cat >/tmp/joining <<'END'
until grep -q 'module tls was loaded' /tmp/err; do tracer workload tls --count 2 --interval-us 250000; done
exec tracer workload tls --count 20 --interval-us 50000
END
comes() {
    words=$1
    shift
    grep -q '^tls ' /proc/modules && { rmmod tls || fail "the module cannot be unloaded: $(cat /proc/modules)"; }
    trace --no-cache "$@" --graph-opts noirqs -- sh /tmp/joining
    ends_with 0
    said "$words" || fail "$*: $(cat /tmp/err)"
    said 'module tls was loaded: [1-9][0-9]* roots* from now on' || fail "$*: $(cat /tmp/err)"
    calls=$(check_listing) || fail "$*: $calls"
    [ "$calls" -gt 5 ] || fail "$*: $calls root calls: $(cat /tmp/err)"
    grep -q '|  *tls_sw_sendmsg \[tls\]()' /tmp/out || fail "$*: no tls_sw_sendmsg: $(head -n 40 /tmp/out)"
    ! grep -q 'unknown+' /tmp/out || fail "$*: a function has no name: $(grep unknown /tmp/out)"
    let_go
}
# Where each function is attached for itself, that takes longer than the command runs.
if wide && [ -n "$(find /lib/modules -name 'tls.ko*' 2>/dev/null)" ]; then
    comes 'module tls is not loaded; once it is, \[tls\]:\* is traced' -G '[tls]:*'
    grep -q 'tcp_sendmsg_locked()' /tmp/out || fail "nothing below the module's functions: $(head -n 40 /tmp/out)"
    comes 'module tls is not loaded' -G 'tls:tls_sw_sendmsg' --learn 0
    comes 'tracing .*tcp_sendmsg' -G 't*_sendmsg' --gentle
    # Nothing of it has probes, so it goes while others are traced.
    trace -G ksys_read --gentle --duration 3s
    hear 'tracer: tracing ksys_read' 60
    rmmod tls || fail "a module without probes stays: $(cat /tmp/err)"
    ends_with 0
fi

tracer workload tls --count 2 2>/tmp/err || { grep -q CONFIG_TLS /tmp/err && skip_without CONFIG_TLS; fail "$(cat /tmp/err)"; }
drive tls 50000
# With pairs the whole path takes minutes to attach: there the root is in the module, and its text says what is below.
root=tls_sw_sendmsg learn=0
if tracer check | grep -q '^ok  *kprobe '; then
    root=__sys_sendto learn=2s
fi
tracer -v -G $root --learn $learn -p $workload --graph-opts noirqs,args,retaddr -n 3 >/tmp/out 2>/tmp/err || fail "exit status $?: $(cat /tmp/err)"
paths='tls_sw_sendmsg>tls_push_sg'
[ $root = tls_sw_sendmsg ] || paths="__sys_sendto>tls_sw_sendmsg tls_push_sg>tcp_write_xmit $paths"
awk -v inside="$paths" -v at_least=3 -f /live/harness/listing.awk /tmp/out >/tmp/calls || fail "$(cat /tmp/calls)"
# Where the kernel preempts tasks a probe of a trampoline can be preempted, and what another task calls there meanwhile is skipped, and counted.
partial=$(sed -n 's/.* whole calls*, \([0-9]*\) partial.*/\1/p' /tmp/err)
skipped=$(sed -n 's/.* making, \([0-9]*\) skipped.*/\1/p' /tmp/err)
said ' 0 events lost' && [ "$partial" -le "$skipped" ] || fail "$(grep whole /tmp/err), $skipped skipped"
# The size is what the workload sends, the answer what was sent.
grep -q '|  *tls_sw_sendmsg \[tls\](sk=0xf[0-9a-f]*, msg=0xf[0-9a-f]*, size=7) { /\* <-[a-z_]*+0x[0-9a-f]* \*/$' /tmp/out || fail "no arguments: $(grep tls_sw_sendmsg /tmp/out)"
grep -q '<-tls_[a-z_]*+0x[0-9a-f]* \[tls\]' /tmp/out || fail "no caller of the module's: $(grep tls_ /tmp/out)"
grep -q '} /\* tls_sw_sendmsg \[tls\] = 7 \*/' /tmp/out || fail "no return value: $(grep tls_sw_sendmsg /tmp/out)"

# One of them as the root, and by itself in a listing.
tracer --learn 0 -G tls_sw_sendmsg -p $workload --graph-opts depth=1 -n 2 >/tmp/out 2>/tmp/err || fail "as a root: exit status $?: $(cat /tmp/err)"
calls=$(check_listing) || fail "$calls"
[ "$calls" = 2 ] || fail "$calls of 2 root calls"
tracer list tls_sw_sendmsg >/tmp/out
grep -qx 'tls_sw_sendmsg \[tls\]' /tmp/out || fail "listed as: $(cat /tmp/out)"
# By all that may be typed for it.
for name in 'tls_sw_sendmsg [tls]' tls:tls_sw_sendmsg '[tls]:tls_sw_sendms?'; do
    tracer --learn 0 -G "$name" -p $workload --graph-opts depth=1 -n 1 >/tmp/out 2>/tmp/err || fail "as '$name': exit status $?: $(cat /tmp/err)"
    grep -q '|  tls_sw_sendmsg \[tls\]()' /tmp/out || fail "as '$name': $(cat /tmp/out /tmp/err)"
done
tracer list '[tls]:*' >/tmp/out
grep -qx 'tls_sw_sendmsg \[tls\]' /tmp/out && ! grep -v '\[tls\]\| functions: ' /tmp/out || fail "the module's: $(cat /tmp/out)"
status=0
tracer -G nosuch:f 2>/tmp/err || status=$?
[ $status = 5 ] && said 'no module `nosuch` is loaded' || fail "a module that is not there: $status, $(cat /tmp/err)"
kill $workload
wait $workload || fail "the workload: $(cat /tmp/workload.err)"
nothing_left 60
