# A root that sleeps: the time off the CPU is told, and skipped where that is wanted.

# The sums of the durations and of the times off the CPU, ms, of the calls that slept for 20 ms and more, and how many these are.
sums() {
    awk 'function ms(unit) { sub(",", "", unit); return unit == "us" ? 0.001 : unit == "ms" ? 1 : 1000 }
    /\|  [}].*off-cpu/ {
        for (i = 2; i <= NF; i++) {
            if ($i == "us" && !duration) duration = $(i - 1) / 1000
            if ($i == "off-cpu") asleep = $(i + 1) * ms($(i + 2))
        }
        if (asleep >= 20) { calls++; durations += duration; sleeps += asleep }
        duration = 0
    } END { printf("%d %d %d\n", calls, durations, sleeps) }' /tmp/out
}

# Ten receives wait for some 100 ms each: for less where the one before came late.
tracer --learn 0 -G __sys_recvfrom -- tracer workload sleep --count 10 --interval-us 100000 >/tmp/out 2>/tmp/err || fail "exit status $?: $(cat /tmp/err)"
calls=$(check_listing) || fail "$calls"
[ "$calls" = 11 ] || fail "$calls of 11 receives: $(cat /tmp/err)"
said ', 0 partial, .*, 0 events lost, 0 gaps' || fail "$(cat /tmp/err)"
[ "$(grep -c '^ [01]) .*|  } .*__sys_recvfrom.*off-cpu' /tmp/out)" -ge 10 ] || fail "time off the CPU: $(grep off-cpu /tmp/out | tail -n 5)"
sums >/tmp/sums
read -r calls durations sleeps </tmp/sums
[ "$calls" -ge 8 ] && [ "$sleeps" -ge 500 ] || fail "$calls of 10 receives sleep, $sleeps ms: $(grep '|  }' /tmp/out)"
[ "$durations" -ge "$sleeps" ] || fail "sleeps are not in the durations: $durations ms of which $sleeps asleep: $(grep '|  }' /tmp/out)"
tracer --learn 0 -G __sys_recvfrom --graph-opts nosleep-time,cputime -- tracer workload sleep --count 10 --interval-us 100000 >/tmp/out 2>/tmp/err || fail "exit status $?: $(cat /tmp/err)"
sums >/tmp/sums
read -r calls durations sleeps </tmp/sums
[ "$calls" -ge 8 ] && [ "$durations" -lt "$sleeps" ] || fail "nosleep-time: $durations ms in $calls calls, $sleeps ms asleep: $(grep '|  }' /tmp/out)"
awk '/\|  [}]/ { for (i = 1; i <= NF; i++) if ($i == "us") { n += $(i - 1) >= 90000; break } } END { exit n > 0 }' /tmp/out || fail "nosleep-time: $(grep '|  }' /tmp/out)"

[ "$(grep -c 'off-cpu' /tmp/out)" = "$(grep -c 'off-cpu [0-9.]* [mun]*s, on-cpu [0-9.]* [mun]*s ' /tmp/out)" ] || fail "cputime: $(grep 'off-cpu' /tmp/out)"

# Root calls that do not return: one that began before the trace, and one that has been open for a while when the trace ends.
sleep 1000 &
before=$!
trace stuck --gentle --learn 0 -G hrtimer_nanosleep --for 1s --duration 4s
hear 'tracer: tracing' 30
sleep 500 &
open=$!
ends_with 0
grep -q "^sleep-$before, since before the trace:$" /tmp/out || fail "stuck: not what began before: $(cat /tmp/out /tmp/err)"
grep -A 1 "^sleep-$open, on CPU" /tmp/out | grep -q '^ *[1-4]\.[0-9]* s  hrtimer_nanosleep$' || fail "stuck: not what began during the trace: $(cat /tmp/out /tmp/err)"
kill $before $open
nothing_left
