# What is summed up while it is traced, and probes that go in the background.
# only on 6.12: what is summed up is the same on every kernel; what is let go is seen by every test
# limit: 180

drive tcp
# The buckets have as many calls as there are.
trace latency -G __sys_sendto -n 20
ends_with 0
grep -q '^__sys_sendto: 20 calls, us: average [0-9]' /tmp/out || fail "latency: $(cat /tmp/out)"
counted=$(awk -F'|' '!/#  / && NF == 3 { sum += $2 } END { print sum }' /tmp/out)
[ "$counted" = 20 ] || fail "latency: $counted calls in the buckets: $(cat /tmp/out)"
said 'tracing __sys_sendto, 0 functions below' || fail "latency traces more than roots: $(cat /tmp/err)"

# The root is called as often as was asked for, and what it calls at least as often.
trace profile --learn 0 -G tcp_sendmsg -n 10 --sort calls
ends_with 0
calls_of() { awk -v name="$1" '$10 == name { print $1 }' /tmp/out; }
[ "$(calls_of tcp_sendmsg)" = 10 ] || fail "profile: $(cat /tmp/out)"
[ "$(calls_of tcp_sendmsg_locked)" -ge 10 ] || fail "profile: $(cat /tmp/out)"

# The same as a page, made when the trace ends.
trace profile --html -o /tmp/page.html --learn 0 -G tcp_sendmsg -n 10
ends_with 0
head -n 1 /tmp/page.html | grep -qx '<!DOCTYPE html>' || fail "page: $(head -c 300 /tmp/page.html)"
grep -q '"root_calls":10,' /tmp/page.html || fail "page: $(sed -n '/id="data"/p' /tmp/page.html | head -c 600)"
grep -q '"tcp_sendmsg_locked"' /tmp/page.html || fail "page: tcp_sendmsg_locked is not on it"

# The prompt does not wait for the kernel to let pairs go, and they go all the same. When tracer has ended, nothing else is started before it is
# looked for who lets go: that takes seconds, but the shell may have to wait for its turn.
trace --attach pair --learn 0 -G __sys_sendto -n 1
ends_with 0
detaching=
while read -r line; do
    case $line in *'functions are let go by process '*) detaching=${line##*process } ;; esac
done </tmp/err
[ -n "$detaching" ] || fail "pairs: $(cat /tmp/err)"
[ -e "/proc/$detaching" ] || fail "process $detaching is gone when tracer ends: $(cat /tmp/err)"
! [ -e "/proc/$detaching/comm" ] || [ "$(cat "/proc/$detaching/comm")" = tracer-detach ] || fail "process $detaching is $(cat "/proc/$detaching/comm")"

kill $workload
wait $workload || fail "the workload: $(cat /tmp/workload.err)"
nothing_left 60
! [ -e "/proc/$detaching" ] || fail "process $detaching stays"
