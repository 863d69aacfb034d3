# A recording replays as the trace printed, and survives the end of tracer.
# limit: 400
# only on 6.1, 6.12, 7.3: what a recording holds comes by the mechanism, of which these have all

drive tcp
# Byte for byte, with the same options.
for options in "--graph-opts noirqs,tail,verbose,args,retaddr" "--slower-than 1us -n 5"; do
    tracer record --print -o /tmp/recording --learn 0 -G tcp_poll --duration 1s $options >/tmp/out 2>/tmp/err || fail "record $options: exit status $?: $(cat /tmp/err)"
    calls=$(check_listing) || fail "record $options: $calls"
    [ "$calls" -gt 1 ] || fail "record $options: $calls calls"
    tracer replay /tmp/recording $options >/tmp/replayed 2>/tmp/err.replay || fail "replay $options: exit status $?: $(cat /tmp/err.replay)"
    cmp /tmp/out /tmp/replayed || fail "replay $options differs: $(diff /tmp/out /tmp/replayed | head -n 5)"
    [ "$(grep ' whole calls*' /tmp/err)" = "$(grep ' whole calls*' /tmp/err.replay)" ] || fail "other sums: $(cat /tmp/err /tmp/err.replay)"
done

# Functions that get their probes on the way are known to the replay. By pairs they take minutes to come and go, and to a recording they are the same.
only_pairs || {
    tracer record --print -o /tmp/recording --gentle --no-cache -G __wake_up_sync_key --duration 4s >/tmp/out 2>/tmp/err || fail "growing: exit status $?: $(cat /tmp/err)"
    tracer replay /tmp/recording >/tmp/replayed 2>/tmp/err.replay || fail "replay of growing: exit status $?: $(cat /tmp/err.replay)"
    cmp /tmp/out /tmp/replayed || fail "replay of growing differs"
}

# After SIGKILL all is there that was written, and the replay says that the end is missing.
rm -f /tmp/recording
trace record -o /tmp/recording --learn 0 -G tcp_poll
hear 'tracer: tracing' 20
# After the head come frames of events.
size() { stat -c %s /tmp/recording; }
head=$(size)
frames() { [ "$(size)" -gt $((head + 500)) ]; }
within 30 frames || fail "nothing is recorded: $(cat /tmp/err)"
kill -KILL $tracer
wait $tracer || :
status=0
tracer replay /tmp/recording >/tmp/out 2>/tmp/err || status=$?
[ $status = 7 ] || fail "replay after SIGKILL: exit status $status: $(cat /tmp/err)"
said 'has no end' || fail "replay after SIGKILL: $(cat /tmp/err)"
grep -q tcp_poll /tmp/out || fail "SIGKILL costs everything"

kill $workload
wait $workload || fail "the workload: $(cat /tmp/workload.err)"
nothing_left
