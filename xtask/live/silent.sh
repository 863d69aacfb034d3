# A trace that shows nothing says why, and what to do; it ends with 0 unless the kernel runs no probes at all.
# limit: 400

. /live/harness/prelude.sh

# shows_nothing STATUS WORDS COMMAND...: no root call, and a sentence with the words.
shows_nothing() {
    wanted=$1 words=$2
    shift 2
    status=0
    "$@" >/tmp/out 2>/tmp/err </dev/null || status=$?
    [ $status = "$wanted" ] || fail "$*: exit status $status instead of $wanted: $(cat /tmp/err)"
    grep -q "^tracer: .*$words" /tmp/err || fail "$*: no '$words' in: $(cat /tmp/err)"
}
roots_only="--graph-opts depth=1 --duration 500ms"

# Others than those that were asked for call the root; the filter keeps all back.
away() {
    words=$1
    shift
    trace -G ksys_read --graph-opts depth=1 "$@"
    hear 'tracing ksys_read' 60
    # busybox's cat reads by sendfile.
    head -n 1 /proc/uptime >/dev/null
    kill -INT $tracer
    ends_with 0
    said '^tracer: 0 whole calls, 0 partial' || fail "it shows something: $(cat /tmp/err)"
    said "ksys_read was called [1-9][0-9]* times, but by none of those that were asked for: .*[1-9][0-9]* $words" ||
        fail "$*: $(cat /tmp/err)"
}
sleep 1000 &
sleeper=$!
away 'in tasks of other names (--comm)' --comm nobody
away 'in other processes (-p' -p $sleeper
away 'in other tasks (--tid)' --tid $sleeper
kill $sleeper
shows_nothing 0 'there w[aser]* [1-9][0-9]* root calls*, and [a-z]* w[aser]* filtered out by --slower-than' \
    tracer -G ksys_read --graph-opts depth=1 --slower-than 100s -- head -n 1 /proc/uptime

# It was not called. Every way to trace says so, and what reads a recording of it.
uncalled="${sys}sethostname.* was not called while it was traced"
shows_nothing 0 "$uncalled" tracer -G ${sys}sethostname $roots_only
# Where the kernel runs 32-bit programs, which Debian's do.
if grep -q ' __ia32_sys_sethostname$' /proc/kallsyms; then
    said '^tracer: 32-bit programs (int 0x80) enter elsewhere: trace __ia32_sys_sethostname, too' || fail "int 0x80: $(cat /tmp/err)"
fi
shows_nothing 0 "$uncalled" tracer latency -G sethostname --duration 500ms
shows_nothing 0 "$uncalled" tracer profile -G sethostname $roots_only
shows_nothing 0 "$uncalled" tracer record -o /tmp/nothing.rec -G sethostname $roots_only
printf 'see the trace has ended\nkey q\nend 0\n' >/tmp/script
tracer-terminal 80 24 /tmp/script -- tracer top -G sethostname $roots_only >/tmp/screens 2>/tmp/err || fail "top: $(cat /tmp/screens /tmp/err)"
grep -q "tracer: $uncalled" /tmp/screens || fail "top: no word: $(cat /tmp/screens)"
shows_nothing 0 'the recording has no root call' tracer replay /tmp/nothing.rec
shows_nothing 0 'the recording has no root call' tracer report /tmp/nothing.rec
let_go

# Probes that are switched off. Where that can be, nothing is attached: the kernel would complain later.
switch=/proc/sys/kernel/ftrace_enabled
tracer check >/tmp/out
grep -q '^ok  *switch .*kernel.ftrace_enabled' /tmp/out || fail "check: $(cat /tmp/out)"
off='kernel.ftrace_enabled is 0, .*`sysctl kernel.ftrace_enabled=1`'
if echo 0 2>/dev/null >$switch; then
    status=0
    tracer check >/tmp/out || status=$?
    [ $status = 4 ] || fail "check with probes switched off: exit status $status"
    grep -q "^MISSING  *switch  *$off" /tmp/out || fail "check with probes switched off: $(cat /tmp/out)"
    for command in '' latency profile 'record -o /tmp/off.rec' list; do
        shows_nothing 4 "$off" tracer $command -G ksys_read
    done
    ! bpf_is_there || fail 'something was attached with probes switched off'
    echo 1 >$switch
    # While it goes on.
    trace -G ksys_read --graph-opts depth=1
    hear 'tracing ksys_read' 60
    within 20 grep -q ksys_read /tmp/out || fail "no root call: $(cat /tmp/err)"
    echo 0 >$switch
    ends_with 4
    said "the trace has ended early, .*$off" || fail "switched off meanwhile: $(cat /tmp/err)"
    said 'functions* [a-z]* let go by process [0-9]* once kernel.ftrace_enabled is 1' || fail "let go at once: $(cat /tmp/err)"
    bpf_is_there || fail 'probes were let go while they were switched off'
    echo 1 >$switch
    let_go
    # The kernel has kept its accounts: it still traces, and is quiet when all is gone.
    tracer -G ksys_read --graph-opts depth=1 -- head -n 1 /proc/uptime >/tmp/out 2>/tmp/err || fail "afterwards: $(cat /tmp/err)"
    let_go
fi
nothing_left
