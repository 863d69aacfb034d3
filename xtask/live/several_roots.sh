# Roots that call each other are one graph: all of them begin together, and end together.

drive tcp 10000
# The first is attached while the second is not there yet, and the other way round.
for roots in '-G sock_poll -G tcp_poll' '-G tcp_poll -G sock_poll'; do
    tracer --learn 0 $roots -p $workload --duration 1s --graph-opts noirqs >/tmp/out 2>/tmp/err || fail "$roots: exit status $?: $(cat /tmp/err)"
    awk -v inside='sock_poll>tcp_poll' -v at_least=20 -f /live/harness/listing.awk /tmp/out >/tmp/calls || fail "$roots: $(cat /tmp/calls)"
    ! grep -B3 -A3 'not seen' /tmp/out || fail "$roots: a root call is torn: $(grep whole /tmp/err)"
    said ', 0 partial' || fail "$roots: $(grep whole /tmp/err)"
    # Each has a root of its own; only a call of the outer one that was open when the trace began shows the inner one alone.
    alone=$(grep -c '|  tcp_poll()' /tmp/out) || :
    [ "$alone" -le 1 ] || fail "$roots: tcp_poll is alone $alone times: $(grep -n '|  tcp_poll' /tmp/out | head -n 3)"
    [ "$alone" = 0 ] || grep '|  [^ }]' /tmp/out | grep -v '^#' | head -n 1 | grep -q tcp_poll || fail "$roots: alone in the middle"
done
kill $workload
wait $workload || fail "the workload: $(cat /tmp/workload.err)"
nothing_left
