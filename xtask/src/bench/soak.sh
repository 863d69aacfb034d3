# One hour of `tracer record --flight-recorder` under mixed workloads: whether its memory stays what it was, and whether every root call is counted.
# For a machine whose idle time passes at once:
#
#     cargo xtask vm --icount --timeout 3600 --file xtask/src/bench/soak.sh -- sh soak.sh
#
# Four workloads make 17,000 sends each, one every 200 ms; files, memory and threads are what else a host does. Prints the anonymous memory of tracer in
# kB every five minutes, then the summary, and says whether the sends are all there. SENDS=1000 makes it three minutes.

sends=${SENDS:-17000}
tracer record --flight-recorder 16M -o /tmp/flight.rec -G __sys_sendto --graph-opts noirqs 2>/tmp/said & tracer=$!
until grep -qs 'tracing __sys_sendto' /tmp/said; do sleep 0.1; done
anonymous() { sed -n 's/^RssAnon:[^0-9]*\([0-9]*\) kB/\1/p' /proc/$tracer/status; }

for kind in files memory threads; do
    tracer workload $kind --interval-us 500000 >/dev/null 2>&1 & noise="$noise $!"
done
for kind in sockmap tcp udp unix; do
    tracer workload $kind --interval-us 200000 --count $sends >/dev/null 2>&1 & senders="$senders $!"
done
begin=$(cut -d. -f1 /proc/uptime)
next=0
while kill -0 $senders 2>/dev/null; do
    now=$(($(cut -d. -f1 /proc/uptime) - begin))
    if [ $now -ge $next ]; then
        echo "after $now s: $(anonymous) kB"
        next=$((next + 300))
    fi
    sleep 5
done
echo "after $(($(cut -d. -f1 /proc/uptime) - begin)) s: $(anonymous) kB, and the workloads have ended"
kill $noise
kill -INT $tracer
wait $tracer || echo "tracer ended with $?"
cat /tmp/said
set -- $(sed -n 's/^tracer: \([0-9]*\) whole calls, \([0-9]*\) partial.*/\1 \2/p' /tmp/said)
[ $(($1 + $2)) = $((4 * sends)) ] && echo "all $((4 * sends)) sends are there" || echo "of $((4 * sends)) sends $1 are there whole, and $2 in part"
