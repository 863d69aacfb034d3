# Which root calls are shown, what of them, and how.
# only on 6.12: what the kernel side skips has its tests in `who_calls` and `recursion`
# limit: 180

. /live/harness/root_calls.sh
# filtered ARGUMENTS...: the same, and root calls were kept back.
filtered() {
    run "$@"
    said '; [1-9][0-9]* calls filtered out' || fail "$*: nothing was filtered out: $(cat /tmp/err)"
}
# no_duration CONDITION: no duration in the listing is so, in µs.
no_duration() {
    awk "match(\$0, /[0-9.]+ us /) && substr(\$0, RSTART, RLENGTH) + 0 $1" /tmp/out >/tmp/wrong
    [ ! -s /tmp/wrong ] || fail "durations $1 us: $(cat /tmp/wrong)"
}

# Two that sleep, one of them long. The runner's timeout sleeps, too, a second at a time.
nap() {
    while :; do usleep "$1"; done
}
nap 50000 &
short=$!
nap 200000 &
long=$!

# By time, with the columns of perf's verbose. Of one level no function below is attached.
read -r before _ </proc/uptime
filtered -G hrtimer_nanosleep --slower-than 150ms -n 3 --graph-opts depth=1,verbose
read -r after _ </proc/uptime
[ "$calls" = 3 ] || fail "-n 3 --slower-than: $calls calls"
no_duration '< 150000'
said 'tracing hrtimer_nanosleep, 0 functions below' || fail "depth=1 attaches more: $(cat /tmp/err)"
[ "$(grep -c ' /\* off-cpu [0-9]*\.[0-9][0-9][0-9] m\{0,1\}s \*/$' /tmp/out)" = 3 ] || fail "no time off the CPU: $(cat /tmp/out)"
grep -q '^ *[0-9]*\.[0-9]\{6\} |   [01])  *[a-z]*-[0-9]*  *|  \. | .* us  *|  ' /tmp/out || fail "verbose: $(cat /tmp/out)"
awk -v from="${before%.*}" -v to="${after%.*}" '/hrtimer_nanosleep\(\)/ && ($1 < from || $1 > to + 1)' /tmp/out >/tmp/wrong
[ ! -s /tmp/wrong ] || fail "verbose: not from $before to $after: $(cat /tmp/wrong)"

# Calls below a threshold are not shown, and a root below it leaves nothing.
filtered -G hrtimer_nanosleep --graph-opts thresh=150000 -n 2
no_duration '< 150000'
shown '  do_nanosleep' || fail "thresh: nothing below the root: $(cat /tmp/out)"

# By one call below the root: the sleep that took so long.
filtered -G do_nanosleep -n 2 --graph-opts noirqs --contains 'schedule && duration > 150ms'
[ "$calls" = 2 ] || fail "--contains: $calls calls"
awk '/\|  }/ && match($0, /[0-9.]+ us /) && substr($0, RSTART, RLENGTH) + 0 < 150000' /tmp/out >/tmp/wrong
[ ! -s /tmp/wrong ] || fail "--contains: short ones: $(cat /tmp/wrong)"

# Skipped with everything below, and only that: what starts the timer, and not the sleep that follows.
run -G do_nanosleep -n 3 --graph-opts noirqs -g hrtimer_sleeper_start_expires -g 'hrtimer_start_range_ns*'
! shown ' *hrtimer_[a-z_]*start_[a-z_]*' || fail "-g: it is shown: $(cat /tmp/out)"
# The timer's lock would be a call of the root's own, each time. What an interrupt brings along may take one.
[ "$(grep -c '|    _raw_spin_lock_irqsave()' /tmp/out)" -lt 3 ] || fail "-g: what is below is shown: $(cat /tmp/out)"
awk -v inside='do_nanosleep>schedule' -v at_least=3 -f /live/harness/listing.awk /tmp/out >/tmp/calls ||
    fail "-g: $(cat /tmp/calls): $(cat /tmp/out)"

# Time on the CPU alone.
kill $short
run -G hrtimer_nanosleep --graph-opts depth=1,nosleep-time -n 2
grep -q 'off-cpu \([12][0-9][0-9]\.[0-9]* m\|1\.[0-9]* \)s' /tmp/out || fail "no long sleep: $(cat /tmp/out)"
no_duration '> 150000'
kill $long

# By what the root returned: sends of 7 bytes, and connections that are refused.
drive tcp 10000
refuse() {
    while :; do
        nc 127.0.0.1 1 </dev/null 2>/dev/null || :
        usleep 100000
    done
}
refuse &
refused=$!
both="-G inet_sendmsg -G inet_stream_connect --graph-opts depth=1"
filtered $both --failed -n 2
only inet_stream_connect inet_sendmsg
filtered $both --returns -ECONNREFUSED -n 2
only inet_stream_connect inet_sendmsg

kill $refused
kill $workload
wait $workload || fail "the workload: $(cat /tmp/workload.err)"
