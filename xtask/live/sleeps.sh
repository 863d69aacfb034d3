# A root that sleeps: the time off the CPU is told, and left out where that is wanted.

# Each receive of it waits for at least 100 ms.
tracer --learn 0 -G __sys_recvfrom -- tracer workload sleep --count 10 --interval-us 100000 >/tmp/out 2>/tmp/err || fail "exit status $?: $(cat /tmp/err)"
calls=$(check_listing) || fail "$calls"
[ "$calls" = 11 ] || fail "$calls of 11 receives: $(cat /tmp/err)"
said ', 0 partial, .*, 0 events lost, 0 gaps' || fail "$(cat /tmp/err)"
[ "$(grep -c '^ [01]) .*|  } .*__sys_recvfrom.*off-cpu' /tmp/out)" -ge 10 ] || fail "time off the CPU: $(grep off-cpu /tmp/out | tail -n 5)"
# In ten of the durations there are 90 ms and more.
awk '/\|  [}]/ { for (i = 1; i <= NF; i++) if ($i == "us") { n += $(i - 1) >= 90000; break } } END { exit n < 10 }' /tmp/out || fail "sleeps are not in the durations: $(grep '|  }' /tmp/out)"
tracer --learn 0 -G __sys_recvfrom --graph-opts nosleep-time -- tracer workload sleep --count 10 --interval-us 100000 >/tmp/out 2>/tmp/err || fail "exit status $?: $(cat /tmp/err)"
awk '/\|  [}]/ { for (i = 1; i <= NF; i++) if ($i == "us") { n += $(i - 1) >= 90000; break } } END { exit n > 0 }' /tmp/out || fail "nosleep-time: $(grep '|  }' /tmp/out)"
nothing_left
