# `tracer top` on a terminal: what is on the screen, the keys, and that the terminal is as it was on every way out.
# only on 6.12: what is on the screen and the keys are the same on every kernel
# limit: 400

# Plays a script on a terminal of 80x24: `on_terminal STEPS COMMAND...`.
on_terminal() {
    printf "$1" >/tmp/script
    shift
    tracer-terminal 80 24 /tmp/script -- "$@" >/tmp/screens 2>/tmp/err || fail "$(cat /tmp/script /tmp/screens /tmp/err)"
}

drive tcp
rm -f /tmp/top.rec
# A root that always calls something: any of its calls can be the slowest. The tree, a fold, help; the slowest calls, a pause, one of them; other sizes; it is written; the end by q.
on_terminal '
see Tab slowest
miss  0 calls
show
see - lock_sock_nested
key h
see + lock_sock_nested
key l?
see Ctrl-C
key x
miss Ctrl-C
key \\t
see returned
key p
see paused
key \\n
see lock_sock_nested() {
show
size 50 10
see needs 60x12
size 100 30
see lock_sock_nested() {
key w
see write 1 call
key \\n
see 1 call was written
key q
end 0
' sh -c 'cd /tmp && exec tracer top --learn 0 -G lock_sock_nested'
grep -q ' live 0:' /tmp/screens || fail "no head: $(cat /tmp/screens)"
grep -q '[0-9] whole calls*, 0 partial' /tmp/screens || fail "no sums on the first screen: $(cat /tmp/screens)"
tracer replay /tmp/top.rec >/tmp/out 2>/tmp/err || fail "replay: exit status $?: $(cat /tmp/err)"
[ "$(check_listing)" = 1 ] || fail "not one call: $(cat /tmp/out)"

# What is open, while it is.
while :; do sleep 0.7; done &
sleeper=$!
on_terminal 'see Tab slowest\nkey o\nsee , on CPU\nsee clock_nanosleep\nkey q\nend 0\n' tracer top --learn 0 -G '*clock_nanosleep'
kill $sleeper

# A signal.
on_terminal 'see Tab slowest\nmiss  0 calls\nsignal SIGTERM\nend 0\n' tracer top --learn 0 -G sock_def_readable

# A trace that ends by itself can be looked at, and Ctrl-C ends that; a command has the terminal for itself no more.
on_terminal 'see the trace has ended\nsee 1 calls\nkey \\c\nend 0\n' \
    tracer top --learn 0 -n 1 -G getcwd -- sh -c 'echo noise; /bin/pwd'
! grep -q noise /tmp/screens || fail "the command writes on the screen: $(cat /tmp/screens)"

# What is refused is said on the screen that was there.
status=0
tracer top --learn 0 -G sock_def_readable >/tmp/out 2>/tmp/err || status=$?
[ $status = 2 ] || fail "no terminal: exit status $status: $(cat /tmp/err)"
said 'stdout is none' || fail "no terminal: $(cat /tmp/err)"

kill $workload
wait $workload || fail "the workload: $(cat /tmp/workload.err)"
nothing_left
