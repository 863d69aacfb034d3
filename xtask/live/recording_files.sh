# Files of recordings: how large they become, a flight recorder, what a failure costs.
# only on 6.12: it is about files, and the kernel has no part in it
# limit: 600

drive tcp 5000
# Without --print nothing is printed; without root it can be replayed.
tracer record -o /tmp/recording --learn 0 -G tcp_poll -n 3 >/tmp/out 2>/tmp/err || fail "record: exit status $?: $(cat /tmp/err)"
[ ! -s /tmp/out ] || fail "record prints"
chmod 644 /tmp/recording
echo 'nobody:x:65534:65534::/tmp:/bin/sh' >/etc/passwd
su -s /bin/sh nobody -c 'exec tracer replay /tmp/recording' >/tmp/out 2>/tmp/err || fail "replay as nobody: exit status $?: $(cat /tmp/err)"
calls=$(check_listing) || fail "$calls"
[ "$calls" = 3 ] || fail "-n 3 recorded $calls calls"

# A new one is its owner's alone, whatever the umask says, and nothing is written through a link.
umask 022
rm -f /tmp/recording
echo kept >/tmp/other
ln -s /tmp/other /tmp/link
tracer record -o /tmp/recording --learn 0 -G tcp_poll -n 1 >/tmp/out 2>/tmp/err || fail "record: exit status $?: $(cat /tmp/err)"
[ "$(stat -c %a /tmp/recording)" = 600 ] || fail "a new recording is $(stat -c %a /tmp/recording)"
for flight in '' '--flight-recorder 1M'; do
    status=0
    tracer record -o /tmp/link $flight --learn 0 -G tcp_poll -n 1 >/tmp/out 2>/tmp/err || status=$?
    [ $status = 6 ] || fail "through a link $flight: exit status $status instead of 6: $(cat /tmp/err)"
    said 'it is a symbolic link' || fail "through a link: $(cat /tmp/err)"
    [ "$(wc -l </tmp/err)" = 1 ] || fail "through a link, in more than a line: $(cat /tmp/err)"
done
[ "$(cat /tmp/other)" = kept ] || fail "what a link leads to was overwritten"
# A pipe is no link.
tracer record -o /proc/self/fd/1 --learn 0 -G tcp_poll -n 1 2>/tmp/err | cat >/tmp/piped
tracer replay /tmp/piped >/tmp/out 2>/tmp/err || fail "from a pipe: exit status $?: $(cat /tmp/err)"

# A recording that is limited in size ends by itself, or goes on in another file.
timeout 200 tracer record -o /tmp/recording --max-size 64K --learn 0 -G tcp_poll >/tmp/out 2>/tmp/err || fail "--max-size: exit status $?: $(cat /tmp/err)"
[ "$(stat -c %s /tmp/recording)" -le 65536 ] || fail "--max-size 64K: $(stat -c %s /tmp/recording) bytes"
[ "$(stat -c %a /tmp/recording)" = 600 ] || fail "a full recording is $(stat -c %a /tmp/recording)"
tracer replay /tmp/recording >/tmp/out 2>/tmp/err || fail "replay of a full one: exit status $?: $(cat /tmp/err)"
said 'as large as it may be' || fail "replay of a full one: $(cat /tmp/err)"

# A flight recorder that is asked before it traces writes as soon as it does. It listens (SIGUSR1 is bit 9 of SigCgt) before the work of seconds.
listens() { grep -q '^SigCgt:.*[2367abef]..$' /proc/$tracer/status; }
trace record -o /tmp/recording --flight-recorder 1M --learn 0 -G tcp_poll
within 20 listens || fail "a flight recorder does not listen: $(cat /tmp/err)"
! said 'tracer: tracing' || fail "a flight recorder listens only when it traces"
kill -USR1 $tracer
hear 'the recording was written' 20
kill -INT $tracer
ends_with 0

# A flight recorder writes when it is asked, and goes on.
rm -f /tmp/recording
trace record -o /tmp/recording --flight-recorder 1M --learn 0 -G tcp_poll
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

# It loses nothing when its session goes, or the terminal that it was started on; the screen it writes to takes nothing then.
rm -f /tmp/recording
trace record -o /tmp/recording --flight-recorder 1M --learn 0 -G tcp_poll
hear 'tracer: tracing' 20
sleep 1
kill -HUP $tracer
ends_with 0
said whole || fail "SIGHUP: a flight recorder says no sums: $(cat /tmp/err)"
tracer replay /tmp/recording >/tmp/out 2>/tmp/err || fail "SIGHUP: replay: exit status $?: $(cat /tmp/err)"
grep -q tcp_poll /tmp/out || fail "SIGHUP: nothing in the flight recorder"
[ "$(stat -c %a /tmp/recording)" = 600 ] || fail "a flight's recording is $(stat -c %a /tmp/recording)"
rm -f /tmp/recording
printf 'see tracer: tracing\nhang-up 0\n' >/tmp/script
tracer-terminal 80 24 /tmp/script -- tracer record -o /tmp/recording --flight-recorder 1M --learn 0 -G tcp_poll >/tmp/out 2>&1 || fail "a terminal that hangs up: $(cat /tmp/out)"
tracer replay /tmp/recording >/tmp/out 2>/tmp/err || fail "hung up: replay: exit status $?: $(cat /tmp/err)"
grep -q tcp_poll /tmp/out || fail "hung up: nothing in the flight recorder"

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
