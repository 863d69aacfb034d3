# Attaches groups of functions below busy roots, one group after the other, under workloads.
#
#     guest.sh WAY GROUP...
#
# Each group is a file of names. Prints `begin GROUP` before anything is attached, `end GROUP FUNCTIONS ATTACHED EVENTS` when all is let go,
# and `failed GROUP REASON` if tracer has failed. A group that begins and does not end is the host's business.

mechanism=$1
shift

for group; do
    echo "begin $group"
    : >/tmp/err
    tracer --attach "$mechanism" --no-cache --functions "/groups/$group" $roots --ring-size 1024 -o /dev/null 2>/tmp/err &
    tracer=$!
    until grep -q 'tracer: tracing' /tmp/err || ! kill -0 $tracer 2>/dev/null; do usleep 50000; done
    work >/dev/null 2>/tmp/work.err </dev/null || echo "failed $group the workload: $(tail -n 1 /tmp/work.err)"
    kill -INT $tracer
    status=0
    wait $tracer || status=$?
    # Pairs go in the background.
    while pidof tracer-detach >/dev/null; do usleep 100000; done
    functions=$(wc -l <"/groups/$group")
    attached=$(sed -n 's/^tracer: tracing .*, \([0-9]*\) functions* below$/\1/p' /tmp/err)
    if [ $status = 0 ] && [ "$functions" -gt 1 ] && [ "$attached" = 0 ] && ! grep -q 'does not accept' /tmp/err; then
        echo "failed $group none of its $functions functions was attached"
    elif [ $status = 0 ]; then
        echo "end $group $functions $attached" \
            "$(sed -n 's/^tracer: .* partial, \([0-9]*\) events.*/\1/p' /tmp/err)"
    else
        echo "failed $group exit status $status: $(grep -v DEBUG /tmp/err | tail -n 1)"
    fi
    grep 'does not accept' /tmp/err | sed "s/^/refused $group /"
done
