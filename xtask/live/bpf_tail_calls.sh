# BPF programs that go on in themselves: the kernel counts their tail calls, with probes on them, too.
# limit: 400
# only on 6.1, 6.12: a kernel that loses the count where a function within such a program has a probe, and one that does not

# Each send runs the program once, and once more for each tail call that the kernel allows: the workload counts that.
sends=20
runs() { sed -n 's/.*(median), \([0-9]*\) runs of the program$/\1/p' "$1"; }
tracer workload tail-calls --count $sends 2>/tmp/alone || fail "the workload: $(cat /tmp/alone)"
alone=$(runs /tmp/alone)
[ "$alone" = $((34 * sends)) ] || fail "alone: '$alone' runs in $sends sends: $(cat /tmp/alone)"
drive tail-calls
# The root is what runs the program, which is found by what its inner function calls. Before 6.7 a probe on that would lose the count.
case $(uname -r) in
    # There that is so with and without --no-bpf, and to attach by pairs takes long.
    5.* | 6.[0-6].*) options=usual inner=0 why='before Linux 6.7 a probe on a function within a BPF program that has tail calls' ;;
    *) options='usual --no-bpf' inner=34 why= ;;
esac
for option in $options; do
    [ $option != usual ] || option=
    tracer -v --no-cache --gentle $option -G sk_psock_msg_verdict --graph-opts noirqs -n 3 >/tmp/out 2>/tmp/err || fail "$option: exit status $?: $(cat /tmp/err)"
    [ -z "$option" ] || inner=0 why='--no-bpf leaves those alone'
    seen=$(grep -c 'go_on \[bpf\](' /tmp/out) || :
    [ "$seen" = $((3 * inner)) ] || fail "$option: the inner function is there $seen times, not 3 times $inner: $(cat /tmp/out) $(grep -v DEBUG /tmp/err)"
    said "\\[bpf\\]: .*$why" || [ -z "$why" ] || fail "$option: it is not said why: $(grep -v DEBUG /tmp/err)"
done
kill -INT $workload
wait $workload || fail "the workload: $(cat /tmp/workload.err)"
counted=$(runs /tmp/workload.err)
all=$(sed -n 's/^workload: \([0-9]*\) sends.*/\1/p' /tmp/workload.err)
# On a kernel that loses the count the first traced send would go on forever.
[ "$counted" = $((34 * all)) ] || fail "traced: $counted runs in $all sends"
nothing_left 60
