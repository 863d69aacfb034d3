# How long attaching and letting go take, in the guest's time. Prints what /probes says. WAYS and COUNTS are set by xtask.

# Every fortieth or so, so that they are of all kinds.
tracer list | grep -v 'left out' | awk 'NF == 1 && NR % 37 == 0' >/tmp/some
tracer list | grep -v 'left out' | awk 'NF == 1 && NR % 37 != 0' >>/tmp/some
for way in $WAYS; do
    for count in $COUNTS; do
        [ $way = pair ] && [ $count -gt 100 ] && continue
        /probes nothing $way $count /tmp/some || echo "$way $count failed"
    done
done

# How long after Ctrl-C the prompt is back, with what was learned attached. A traced send takes some 5 ms under emulation: with 20 ms between them the
# machine has time for tracer, as a real one has.
export TRACER_CACHE_DIR=/tmp/plans
tracer workload tcp --size 1 --interval-us 20000 2>/dev/null & sender=$!
tracer -G __sys_sendto -p $sender -o /dev/null 2>/tmp/said & tracer=$!
until grep -q 'tracing __sys_sendto' /tmp/said; do sleep 0.1; done
sleep 1
now() { sed 's/\.//; s/ .*//' /proc/uptime; }
begin=$(now)
kill -INT $tracer
wait $tracer
echo "prompt back $((($(now) - begin) * 10)) ms after Ctrl-C, $(sed -n 's/.*, \([0-9]* functions below\)/\1/p' /tmp/said)"
kill $sender
