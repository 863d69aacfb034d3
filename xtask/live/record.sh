# A recording replays as the trace printed, and survives what can happen to it.
# limit: 400

drive tcp
# Byte for byte, with the same options.
for options in "--graph-opts noirqs,tail,verbose,args,retaddr" "--slower-than 1us -n 5"; do
    tracer record --print -o /tmp/recording --learn 0 -G tcp_poll --duration 1s $options >/tmp/out 2>/tmp/err || fail "record $options: exit status $?: $(cat /tmp/err)"
    calls=$(check_listing) || fail "record $options: $calls"
    [ "$calls" -gt 1 ] || fail "record $options: $calls calls"
    tracer replay /tmp/recording $options >/tmp/replayed 2>/tmp/err.replay || fail "replay $options: exit status $?: $(cat /tmp/err.replay)"
    cmp /tmp/out /tmp/replayed || fail "replay $options differs: $(diff /tmp/out /tmp/replayed | head -n 5)"
    [ "$(grep ' whole calls' /tmp/err)" = "$(grep ' whole calls' /tmp/err.replay)" ] || fail "other sums: $(cat /tmp/err /tmp/err.replay)"
done

# Functions that get their probes on the way are known to the replay.
tracer record --print -o /tmp/recording --no-cache -G __wake_up_sync_key --duration 4s >/tmp/out 2>/tmp/err || fail "growing: exit status $?: $(cat /tmp/err)"
tracer replay /tmp/recording >/tmp/replayed 2>/tmp/err.replay || fail "replay of growing: exit status $?: $(cat /tmp/err.replay)"
cmp /tmp/out /tmp/replayed || fail "replay of growing differs"

# Without --print nothing is printed; without root it can be replayed.
tracer record -o /tmp/recording --learn 0 -G tcp_poll -n 3 >/tmp/out 2>/tmp/err || fail "record: exit status $?: $(cat /tmp/err)"
[ ! -s /tmp/out ] || fail "record prints"
chmod 644 /tmp/recording
echo 'nobody:x:65534:65534::/tmp:/bin/sh' >/etc/passwd
su -s /bin/sh nobody -c 'exec tracer replay /tmp/recording' >/tmp/out 2>/tmp/err || fail "replay as nobody: exit status $?: $(cat /tmp/err)"
calls=$(check_listing) || fail "$calls"
[ "$calls" = 3 ] || fail "-n 3 recorded $calls calls"

# After SIGKILL all is there but the last second, and the replay says that the end is missing.
tracer record -o /tmp/recording --learn 0 -G tcp_poll >/tmp/out 2>/tmp/err &
tracer=$!
hear 'tracer: tracing' 20
sleep 4
kill -KILL $tracer
wait $tracer || :
status=0
tracer replay /tmp/recording >/tmp/out 2>/tmp/err || status=$?
[ $status = 7 ] || fail "replay after SIGKILL: exit status $status: $(cat /tmp/err)"
said 'has no end' || fail "replay after SIGKILL: $(cat /tmp/err)"
grep -q tcp_poll /tmp/out || fail "SIGKILL costs everything"

# A recording that is limited in size ends by itself, or goes on in another file.
timeout 100 tracer record -o /tmp/recording --max-size 64K --learn 0 -G tcp_poll >/tmp/out 2>/tmp/err || fail "--max-size: exit status $?: $(cat /tmp/err)"
[ "$(stat -c %s /tmp/recording)" -le 65536 ] || fail "--max-size 64K: $(stat -c %s /tmp/recording) bytes"
tracer replay /tmp/recording >/tmp/out 2>/tmp/err || fail "replay of a full one: exit status $?: $(cat /tmp/err)"
said 'as large as it may be' || fail "replay of a full one: $(cat /tmp/err)"

# A flight recorder writes when it is asked, and goes on.
rm -f /tmp/recording
tracer record -o /tmp/recording --flight-recorder 1M --learn 0 -G tcp_poll >/tmp/out 2>/tmp/err &
tracer=$!
hear 'tracer: tracing' 20
sleep 2
[ ! -s /tmp/recording ] || fail "a flight recorder writes before it is asked"
kill -USR1 $tracer
hear 'the recording was written' 10
tracer replay /tmp/recording >/tmp/out 2>/tmp/err.replay || fail "replay of a flight: exit status $?: $(cat /tmp/err.replay)"
grep -q tcp_poll /tmp/out || fail "nothing in the flight recorder"
before=$(grep -c tcp_poll /tmp/out)
sleep 2
kill -INT $tracer
ends_with 0
tracer replay /tmp/recording >/tmp/out 2>/tmp/err.replay || fail "replay of the whole flight: exit status $?: $(cat /tmp/err.replay)"
[ "$(grep -c tcp_poll /tmp/out)" -gt "$before" ] || fail "the flight recorder did not go on"

# An existing recording survives a trace that cannot begin.
status=0
tracer record -o /tmp/recording -G no_such_function >/tmp/out 2>/tmp/err || status=$?
[ $status = 5 ] || fail "no such function: exit status $status"
tracer replay /tmp/recording >/tmp/out 2>/tmp/err || fail "a trace that cannot begin destroys a recording"

# A disk that is full: exit status 6, and what was written before is whole.
mkdir -p /tmp/small
mount -t tmpfs -o size=16k tmpfs /tmp/small
status=0
timeout 60 tracer record -o /tmp/small/recording --learn 0 -G tcp_poll >/tmp/out 2>/tmp/err || status=$?
[ $status = 6 ] || fail "full disk: exit status $status instead of 6: $(cat /tmp/err)"
status=0
tracer replay /tmp/small/recording >/tmp/out 2>/tmp/err || status=$?
[ $status = 7 ] || fail "replay from a full disk: exit status $status: $(cat /tmp/err)"
! said damaged || fail "a full disk leaves a torn frame: $(cat /tmp/err)"
umount /tmp/small

kill $workload
wait $workload || fail "the workload: $(cat /tmp/workload.err)"
nothing_left
