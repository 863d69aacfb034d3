# A root that ends with a jump to another root: both return to the same place, and each has its own end.

# Both are roots, and nothing else is looked at.
: >/tmp/functions
tracer check >/tmp/check
for mechanism in multi kprobe pair; do
    [ $mechanism = pair ] || grep -q "^ok  *$mechanism " /tmp/check || continue
    # `ksys_write` is all that is left to do when the arguments are in their registers, and compilers jump there.
    for call in write read; do
        outer=$sys$call inner=ksys_$call
        trace --attach $mechanism --functions /tmp/functions -G $outer -G $inner --graph-opts noirqs,tail -- dd if=/dev/zero of=/dev/null bs=64 count=50
        ends_with 0
        awk -v inside="$outer>$inner" -v at_least=50 -f /live/harness/listing.awk /tmp/out >/tmp/calls || fail "$mechanism: $call: $(cat /tmp/calls): $(cat /tmp/err)"
        begin=$(grep -c "|  $outer() {" /tmp/out) || :
        end=$(grep -c "|  } /\* $outer = " /tmp/out) || :
        [ "$begin" = "$end" ] && [ "$begin" = "$(cat /tmp/calls)" ] || fail "$mechanism: $outer: $begin calls, $end returns, $(cat /tmp/calls) whole: $(cat /tmp/err)"
        all_seen || fail "$mechanism: $call: $(cat /tmp/err)"
    done
done
nothing_left 60
