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

# Where functions are counted, who sleeps keeps its place: there is one for each task that the host has when it begins, and 2,046 at least.
only_pairs && attach=pair || attach=kprobe
count_tasks() {
    trace profile --no-cache --gentle --learn 0 --attach $attach -G __sys_recvfrom --functions /tmp/functions
    hear 'tracer: tracing' 60
    tracer workload tasks --count 2500 2>/tmp/workload.err || fail "the workload: $(cat /tmp/workload.err)"
    # What finds no place is said while the trace goes on.
    [ "$1" = all ] || hear 'tracer: too many tasks are inside a root: there was no room for [1-9][0-9]* root calls so far' 10
    kill -INT $tracer
    ends_with 0
    counted=$(sed -n 's/.* counted in the kernel in \([0-9]*\) root calls*, \([0-9]*\) missing$/\1 \2/p' /tmp/err)
    [ $((${counted% *} + ${counted#* })) = 2500 ] || fail "$1: counted and missing are $counted: $(cat /tmp/err)"
}
: >/tmp/functions
count_tasks some
[ "${counted#* }" -ge $((2500 - 2046)) ] || fail "more than 2,046 tasks had a place: $(cat /tmp/err)"
left=2500
while [ $left -gt 0 ]; do
    sleep 1000 &
    left=$((left - 1))
done
sleepers=$(jobs -p)
count_tasks all
[ "$counted" = '2500 0' ] || fail "counted and missing are $counted: $(cat /tmp/err)"
! said 'too many tasks' || fail "$(cat /tmp/err)"
kill $sleepers
nothing_left
