# What a stack at a root call costs, in guest instructions: roots with few and with many frames above them, traced alone, without and with
# stacks.
#
#     cargo xtask vm --icount --kernel 6.18 --file xtask/src/bench/stacks.sh -- sh stacks.sh
#
# The send is one of a byte over loopback TCP, fifty a second, so that tracer's own reading does not count as part of it.

sends=100
workload="tracer workload tcp --real-time --size 1 --interval-us 20000 --count $sends"

# A send while this is traced, ns, and the root calls of a hundred sends.
send() {
    tracer --learn 0 --graph-opts depth=1 "$@" -o /tmp/out 2>/tmp/said &
    tracer=$!
    until grep -q 'tracing ' /tmp/said; do usleep 100000; done
    ns=$($workload 2>&1 >/dev/null | sed -n 's/.* \([0-9]*\) ns a send.*/\1/p')
    kill -INT $tracer
    wait $tracer
    calls=$(sed -n 's/^tracer: \([0-9]*\) whole calls.*/\1/p' /tmp/said)
}

for root in tcp_sendmsg ip_queue_xmit tcp_v4_rcv; do
    send -G $root
    without=$ns
    for stack in --stack --ustack; do
        send -G $root $stack
        frames=$(awk '/^ <.*stack trace>/ { stacks++ } /^ => / { frames++ } END { printf "%.1f", frames / stacks }' /tmp/out)
        echo "$root $stack: $frames frames, $(((ns - without) * sends / calls)) instructions a call, $calls calls"
    done
done
