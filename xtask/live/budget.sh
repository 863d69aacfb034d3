# A trace with a budget: root calls are sampled and the depth is lowered where it would cost more, and the root calls that were counted or shown and those that were sampled out are all that there were.
# only on 6.1, 7.3: pairs, whose programs have the least room, and the newest
# limit: 300

# Reads of a byte by a task of its own name: `read_bytes READS`.
read_bytes() {
    dd if=/dev/zero of=/dev/null bs=1 count="$1" 2>/dev/null
    reads=$((reads + $1))
}

sampled_out() {
    out=$(sed -n 's/^tracer: \([0-9]*\) root calls\{0,1\} w[a-z]* sampled out: .*/\1/p' /tmp/err)
    echo "${out:-0}"
}

# Counted in the kernel: the table has all calls, because each that was counted stands for others.
reads=0
trace latency --no-cache --budget 0.01% -G ksys_read --comm dd
hear 'tracer: tracing' 60
tries=0
until said 'root calls is traced'; do
    read_bytes 1000
    tries=$((tries + 1))
    [ $tries -lt 300 ] || fail "nothing is sampled after $reads reads: $(cat /tmp/err)"
done
read_bytes 5000
kill -INT $tracer
ends_with 0
counted=$(sed -n 's/^tracer: \([0-9]*\) calls* counted in the kernel, .*/\1/p' /tmp/err)
missing=$(sed -n 's/^tracer: .* counted in the kernel, \([0-9]*\) missing.*/\1/p' /tmp/err)
[ "$(sampled_out)" -gt 0 ] || fail "nothing was sampled out: $(cat /tmp/err)"
[ $((counted + missing + $(sampled_out))) = $reads ] || fail "$counted counted, $missing missing and $(sampled_out) sampled out of $reads: $(cat /tmp/err)"
shown=$(sed -n 's/^ksys_read: \([0-9]*\) calls.*/\1/p' /tmp/out)
[ $((shown + missing)) = $reads ] || fail "the table has $shown of $reads: $(cat /tmp/out)"
! said 'begun before' || fail "sampled out is not begun before: $(cat /tmp/err)"
said 'tracing took .* % of the CPUs. time at last, .*; 0.01 % is the budget' || fail "no cost: $(cat /tmp/err)"
let_go

# Streamed: those that are shown are whole, and all others are a number.
for depth in 1 3; do
    trace --no-cache --learn 0 --budget 0.01% -G __sys_sendto --graph-opts depth=$depth -- tracer workload unix --count 2000 --interval-us 1000
    ends_with 0
    whole=$(sed -n 's/^tracer: \([0-9]*\) whole calls*, .*/\1/p' /tmp/err)
    [ "$(sampled_out)" -gt 0 ] || fail "nothing was sampled out: $(cat /tmp/err)"
    [ $((whole + $(sampled_out) + $(skipped_roots))) = 2000 ] || fail "depth $depth: $whole shown and $(sampled_out) sampled out of 2000: $(cat /tmp/err)"
    said 'whole calls*, 0 partial' || fail "depth $depth: $(cat /tmp/err)"
    # Where there is anything below, that goes first, and no root call is torn by it.
    [ $depth = 1 ] || said 'is the budget: .*, without what is below$' || fail "the depth is not lowered: $(cat /tmp/err)"
    [ $depth = 3 ] || ! said 'without what is below' || fail "there is nothing below: $(cat /tmp/err)"
    let_go
done

# A budget that is large enough changes nothing, and says what it cost.
reads=0
trace latency --no-cache --budget 99% -G ksys_read --comm dd
hear 'tracer: tracing' 60
read_bytes 1000
usleep 700000
kill -INT $tracer
ends_with 0
said 'tracer: 1000 calls counted in the kernel' || said ' [1-9][0-9]* missing' || fail "99%: $(cat /tmp/err)"
! said 'sampled out' || fail "99%: $(cat /tmp/err)"
said '; 99 % is the budget' || fail "99%: $(cat /tmp/err)"
nothing_left
