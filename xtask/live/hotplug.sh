# A CPU goes and comes back in the middle of a trace.
# limit: 90
set -x

online=/sys/devices/system/cpu/cpu1/online
[ -w $online ] || skip_without "a CPU that can be switched off ($online, CONFIG_HOTPLUG_CPU)"
drive tcp 1000
# Learning goes on meanwhile, with buffers for each CPU.
trace --learn 3s --no-cache -G __sys_sendto --graph-opts noirqs -v
hear 'tracer: tracing' 60
round=0
while [ $round -lt 3 ]; do
    round=$((round + 1))
    echo 0 >$online
    sleep 1
    before=$(grep -c '__sys_sendto() {' /tmp/out)
    more() { [ "$(grep -c '__sys_sendto() {' /tmp/out)" -gt "$before" ]; }
    within 10 more || fail "nothing is traced without CPU 1"
    echo 1 >$online
    sleep 1
    before=$(grep -c '__sys_sendto() {' /tmp/out)
    within 10 more || fail "nothing is traced when CPU 1 is back"
done
kill -INT $tracer
ends_with 0
calls=$(check_listing) || fail "$calls"
said ', 0 events lost, 0 gaps' || fail "$(cat /tmp/err)"
kill $workload
wait $workload || fail "the workload: $(cat /tmp/workload.err)"
# What is sent from CPU 1 is seen again.
tracer --learn 0 -G __sys_recvfrom -C 1 -n 5 -- taskset 2 tracer workload sleep --count 20 --interval-us 10000 >/tmp/out 2>/tmp/err || fail "CPU 1: exit status $?: $(cat /tmp/err)"
grep -q '^ 1)' /tmp/out || fail "nothing on CPU 1: $(cat /tmp/err)"
nothing_left
