# What fields of a root call cost, and conditions on it, in guest instructions: a send through a unix socket, traced without and with them.
#
#     cargo xtask vm --icount --kernel 6.12 --file xtask/src/bench/fields.sh -- sh fields.sh
#
# The sender is real-time and rests between sends, so that tracer's own reading does not count as part of one.

workload="tracer workload unix --real-time --size 1 --interval-us 2000 --count 200"

# What a send takes while this is traced.
traced() {
    tracer --learn 0 --graph-opts depth=1 -G unix_stream_sendmsg "$@" -o /tmp/out 2>/tmp/said &
    tracer=$!
    until grep -q 'tracing ' /tmp/said; do usleep 100000; done
    ns=$(send)
    kill -INT $tracer
    wait $tracer
    calls=$(sed -n 's/^tracer: \([0-9]*\) whole calls*.*/\1/p' /tmp/said)
}

send() { $workload 2>&1 >/dev/null | sed -n 's/.* \([0-9]*\) ns a send.*/\1/p'; }

send >/tmp/warm
untraced=$(send)
echo "untraced $untraced"
tracer check >/tmp/check
mechanisms=$(sed -n 's/^ok  *\(multi\|kprobe\) .*/\1/p' /tmp/check)
for mechanism in $mechanisms pair; do
    traced --attach $mechanism
    without=$ns
    echo "$mechanism: a call without fields: $((without - untraced))"
    for field in len 'sock->state' 'sock->sk->sk_family' 'sock->sk->sk_socket->state'; do
        traced --attach $mechanism --arg "unix_stream_sendmsg: $field"
        echo "$mechanism: $field: $((ns - without)) more, $calls calls"
    done
    for condition in len 'sock->state' 'sock->sk->sk_family'; do
        traced --attach $mechanism --where "$condition == 77"
        echo "$mechanism: turned away by $condition: $((ns - untraced)), $calls calls"
    done
done
