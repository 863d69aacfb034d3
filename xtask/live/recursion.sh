# Functions that call themselves, as roots, as callees and excluded: each call is in the graph, within its own caller.
# limit: 400

# How many calls of ep_poll_callback are the first, second, third... of those open within each other: `LEVEL CALLS ...`.
nesting() {
    awk '/\|  [^ ]/ { open = 0 }
    !/^#/ && /ep_poll_callback\(/ {
        match($0, /\|  */); level = RLENGTH
        while (open > 0 && levels[open] >= level) open--
        levels[++open] = level
        count[open]++
    } END { for (n = 1; n in count; n++) printf("%s%d %d", (n > 1 ? " " : ""), n, count[n]) }' /tmp/out
}

# A root that calls itself has its inner calls inside. Four instances; when they are closed the socket tells some of them again, and nobody above.
trace --learn 0 -G ep_poll_callback --graph-opts noirqs -- tracer workload epoll --count 50
ends_with 0
calls=$(check_listing) || fail "root: $calls"
[ "$calls" -ge 50 ] || fail "root: $calls of 50 root calls are whole: $(cat /tmp/err)"
[ "$(nesting)" = "1 $calls 2 50 3 50 4 50" ] || fail "root: $(nesting)"
all_seen || fail "root: $(cat /tmp/err)"

# A callee that calls itself. Nothing is learned, which takes long.
printf '%s\n' sock_def_readable __wake_up_sync_key __wake_up __wake_up_common_lock __wake_up_common ep_poll_callback autoremove_wake_function \
    skb_queue_tail unix_write_space >/tmp/functions
drive epoll 10000
tracer --functions /tmp/functions -p $workload -G unix_stream_sendmsg -n 50 --graph-opts noirqs >/tmp/out 2>/tmp/err || fail "exit status $?: $(cat /tmp/err)"
calls=$(check_listing) || fail "callee: $calls"
# One that has a gap is printed, too, and not counted by -n.
calls=$(grep -c '|  unix_stream_sendmsg() {' /tmp/out)
[ "$(nesting)" = "1 $calls 2 $calls 3 $calls 4 $calls" ] || fail "callee: $(nesting): $(cat /tmp/err)"

# An excluded function that calls itself hides until its outermost call returns, and what comes after it is shown again. It unlocks when an inner call
# of it has returned.
echo _raw_spin_unlock_irqrestore >>/tmp/functions
tracer --functions /tmp/functions -p $workload -G unix_stream_sendmsg -n 50 -g ep_poll_callback --graph-opts noirqs >/tmp/out 2>/tmp/err || fail "exit status $?: $(cat /tmp/err)"
calls=$(check_listing) || fail "excluded: $calls"
# As above, one that has a gap is printed, too.
gaps=$(sed -n 's/.* events* lost, \([0-9]*\) gaps*.*/\1/p' /tmp/err)
[ "$calls" -ge 50 ] && [ $((calls - 50)) -le "$gaps" ] || fail "excluded: $calls of 50: $(cat /tmp/err)"
[ -z "$(nesting)" ] || fail "excluded: $(nesting)"
# The innermost of the excluded calls must not end it: nothing is left of what is called within the wake-up, but for interrupts.
shown=$(grep -c '__wake_up_common() {' /tmp/out) || :
[ "$shown" -lt 25 ] || fail "excluded: something is shown in $shown wake-ups: $(grep -A3 '__wake_up_common() {' /tmp/out | head -n 8)"
awk -v inside='unix_stream_sendmsg>sock_def_readable' -v at_least=50 -f /live/harness/listing.awk /tmp/out >/tmp/calls || fail "excluded: $(cat /tmp/calls)"
kill $workload
wait $workload || fail "the workload: $(cat /tmp/workload.err)"
nothing_left
