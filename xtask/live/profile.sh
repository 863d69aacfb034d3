# Functions that the kernel counts: known numbers of calls by each mechanism, errors, callers, and the same calls as a recording of the same moment has.
# limit: 400

# Calls of a function in the table: `calls_of FUNCTION FILE`.
calls_of() {
    awk -v name="$1" '$10 == name { print $1 }' "$2"
}

# Begins to count what is below reads of all readers: `count_below OPTIONS...`.
count_below() {
    trace profile --no-cache --gentle --learn 0 -G ksys_read --comm dd "$@"
    hear 'tracer: tracing' 60
}

end_count() {
    kill -INT $tracer
    ends_with 0
}

# Two readers at a time, so many reads of a byte each: `read_bytes READS`.
read_bytes() {
    dd if=/dev/zero of=/dev/null bs=1 count="$1" 2>/dev/null &
    dd if=/dev/zero of=/dev/null bs=1 count="$1" 2>/dev/null
    wait $!
}

# Every call is counted, of the root and below it. By trampolines, whose programs can be preempted, the kernel may skip some and says so.
for mechanism in pair kprobe-multi kprobe multi; do
    trace profile --no-cache --gentle --learn 0 -G ksys_read --comm dd --attach $mechanism
    within 60 grep -q 'tracer: tracing\|this kernel has no' /tmp/err || fail "$mechanism: $(cat /tmp/err)"
    if said 'this kernel has no'; then
        wait $tracer || :
        [ $mechanism != pair ] || fail "$mechanism: $(cat /tmp/err)"
        continue
    fi
    read_bytes 1000
    end_count
    case $mechanism in
    kprobe*) ;;
    *) said 'the kernel skipped' && continue ;;
    esac
    for function in ksys_read vfs_read; do
        [ "$(calls_of $function /tmp/out)" = 2000 ] || fail "$mechanism: $(cat /tmp/out /tmp/err)"
    done
    said 'calls counted in the kernel in 2000 root calls, 0 missing' || fail "$mechanism: $(cat /tmp/err)"
    # Self times are what is left of a total without the totals below: all of them together are the root's time, where no end is missing.
    awk 'NR > 1 { own += $3; if ($10 == "ksys_read") total = $2 } END { exit own < total * 0.999 || own > total * 1.001 }' /tmp/out ||
        fail "$mechanism: self times are not the root's time: $(cat /tmp/out)"
done

# Errors by their names, also of functions below.
count_below
for _ in 1 2 3; do
    ! dd if=/ of=/dev/null count=1 2>/dev/null || fail "a directory can be read"
done
end_count
grep -q ' 3  ksys_read (3 EISDIR)$' /tmp/out || fail "errors: $(cat /tmp/out)"

# By caller, and what there is so far, again and again.
count_below --group-by caller --interval 300ms
read_bytes 100
within 10 grep -q '^# after' /tmp/out || fail "--interval shows nothing: $(cat /tmp/err)"
end_count
sed -n '/^# after/,/^$/d; p' /tmp/out >/tmp/last
grep -q '^ *200 .* vfs_read from ksys_read$' /tmp/last || fail "callers: $(cat /tmp/last)"
grep -q '^ *200 .* ksys_read from nothing that was traced$' /tmp/last || fail "callers: $(cat /tmp/last)"

# Root calls that do not meet a condition are dropped in the kernel: of 3,001 two batches come, one before the sleep and one after it.
tracer -v --no-cache --gentle --learn 0 -G ksys_read --comm dd --slower-than 2s -- sh -c '
    dd if=/dev/zero of=/dev/null bs=1 count=3000
    sleep 3 | dd of=/dev/null bs=1' >/tmp/out 2>/tmp/err || fail "--slower-than: $(cat /tmp/err)"
said '^tracer: 1 whole call, 0 partial, .* 3000 calls filtered out' || fail "--slower-than: $(cat /tmp/err)"
batches=$(sed -n 's/^tracer: in the kernel \([0-9]*\) batche*s*.*/\1/p' /tmp/err)
[ "$batches" -le 30 ] || fail "--slower-than: $batches batches: $(cat /tmp/err)"

# What needs each root call is streamed, and said.
count_below -n 5
read_bytes 20
ends_with 0
said 'each call is streamed to tracer and counted there: -n ends it' || fail "-n: $(cat /tmp/err)"
[ "$(calls_of ksys_read /tmp/out)" = 5 ] || fail "-n: $(cat /tmp/out)"

# The same calls counted and recorded at a time, with sleeps in them: each function as often, and as often in error.
mkfifo /tmp/pipe
tracer record --no-cache --gentle --learn 0 -G ksys_read --comm dd -o /tmp/calls.rec 2>/tmp/recorder.err &
recorder=$!
within 60 grep -q 'tracer: tracing' /tmp/recorder.err || fail "the recorder: $(cat /tmp/recorder.err)"
count_below
dd if=/tmp/pipe of=/dev/null bs=1 2>/dev/null &
reader=$!
for step in 1 2 3 4 5 6 7 8 9 10 11; do
    usleep $((step * 4000))
    echo -n x
done >/tmp/pipe
wait $reader
read_bytes 500
end_count
kill -INT $recorder
wait $recorder || fail "the recorder: $(cat /tmp/recorder.err)"
tracer report --sort name /tmp/calls.rec >/tmp/report 2>/tmp/err || fail "report: $(cat /tmp/err)"
for function in ksys_read vfs_read; do
    [ "$(calls_of $function /tmp/out)" = "$(calls_of $function /tmp/report)" ] ||
        fail "$function: $(cat /tmp/out) and recorded $(cat /tmp/report)"
done
nothing_left
