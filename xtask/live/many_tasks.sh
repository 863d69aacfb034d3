# Ten thousand tasks inside a root at once: nearly all sleep there, and each has its place.
# limit: 400
# only on 6.1, 7.3: places and what is counted are those of the programs of tracer; an old kernel and a new one

echo 30000 >/proc/sys/kernel/threads-max
trace --learn 0 -G __sys_recvfrom --graph-opts depth=1 -v -- tracer workload tasks --count 10000
ends_with 0
said 'workload: 10000 rounds' || fail "the workload: $(cat /tmp/err)"
calls=$(check_listing) || fail "$calls"
lost=$(sed -n 's/^tracer: \([0-9]*\) root calls* w[a-z]* not traced.*/\1/p' /tmp/err)
[ -z "$lost" ] || fail "$lost were not traced: $(grep -v DEBUG /tmp/err)"
lost=0
# What a preempted probe of a trampoline stands in the way of, the kernel skips and counts: an entry or an exit each.
skipped=$(sed -n 's/.* making, \([0-9]*\) skipped.*/\1/p' /tmp/err)
partial=$(sed -n 's/.* whole calls*, \([0-9]*\) partial.*/\1/p' /tmp/err)
[ "$partial" -le "$skipped" ] || fail "$partial partial calls, but $skipped were skipped"
missing=$((10000 - calls - partial - lost))
[ $missing -ge 0 ] && [ $missing -le "$skipped" ] || fail "$calls whole, $partial partial and $lost lost ones are not 10000, and $skipped were skipped"
said ' 0 events lost, 0 gaps' || fail "$(grep whole /tmp/err)"
# Their places are free again.
trace --learn 0 -G __sys_recvfrom --graph-opts depth=1 -- tracer workload tasks --count 500
ends_with 0
calls=$(check_listing) || fail "$calls"
[ "$calls" = 500 ] || fail "$calls of 500: $(cat /tmp/err)"
! said 'not traced' || fail "places stay taken: $(cat /tmp/err)"
nothing_left
