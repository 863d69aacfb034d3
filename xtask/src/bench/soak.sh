# One hour of `tracer record --flight-recorder` under mixed workloads: whether its memory stays what
# it was, and whether every root call is counted. For a machine whose idle time passes at once:
#
#     cargo xtask vm --icount --timeout 3600 --file xtask/src/bench/soak.sh -- sh soak.sh
#
# Four workloads make 3,450 sends each, one every second; files, memory and threads are what else a
# host does. On a loaded machine it takes 50 minutes. What is kept is little, so that it is full
# after some minutes. Prints what tracer has in memory every minute, then the summary, and says
# whether the sends are all there. It traces as the service does, `--gentle`; HOW= in the environment
# does not, and takes ten times as long, as each wide window attaches all functions. SENDS=180 makes
# it three minutes.

sends=${SENDS:-3450}
tracer record ${HOW---gentle} --flight-recorder 512K -o /tmp/flight.rec -G __sys_sendto --graph-opts noirqs \
    2>/tmp/said & tracer=$!
until grep -qs 'tracing __sys_sendto' /tmp/said; do sleep 0.1; done
# In kB: all that is resident, and of it what is no file's.
resident() {
    sed -n 's/^\(VmRSS\|RssAnon\):[^0-9]*\([0-9]*\) kB/\1 \2 kB/p' /proc/$tracer/status | paste -sd ' '
}
seconds() { cut -d. -f1 /proc/uptime; }

for kind in files memory threads; do
    tracer workload $kind --interval-us 5000000 >/dev/null 2>&1 & noise="$noise $!"
done
for kind in sockmap tcp udp unix; do
    tracer workload $kind --interval-us 1000000 --count $sends >/dev/null 2>&1 &
    senders="$senders $!"
done
begin=$(seconds)
next=0
while kill -0 $senders 2>/dev/null; do
    now=$(($(seconds) - begin))
    if [ $now -ge $next ]; then
        echo "after $now s: $(resident)"
        next=$((next + 60))
    fi
    sleep 5
done
# The others end within moments.
wait $senders
echo "after $(($(seconds) - begin)) s: $(resident), and the workloads have ended"
kill $noise
kill -INT $tracer
wait $tracer || echo "tracer ended with $?"
cat /tmp/said
set -- $(sed -n 's/^tracer: \([0-9]*\) whole calls*, \([0-9]*\) partial.*/\1 \2/p' /tmp/said)
if [ $(($1 + $2)) = $((4 * sends)) ]; then
    echo "all $((4 * sends)) sends are there"
else
    echo "of $((4 * sends)) sends $1 are there whole, and $2 in part"
    exit 1
fi
