# Calls that the kernel counts: known numbers of them by each mechanism, of each value of an argument, what is filtered there, and quantiles as those of a recording of the same calls.
# limit: 600

# Four readers at a time, so many reads of a byte each: `read_bytes READS`.
read_bytes() {
    readers=
    for _ in 1 2 3 4; do
        dd if=/dev/zero of=/dev/null bs=1 count="$1" 2>/dev/null &
        readers="$readers $!"
    done
    wait $readers
}

# Begins to count the reads of all readers: `count_reads OPTIONS...`.
count_reads() {
    trace latency --no-cache -G ksys_read --comm dd "$@"
    hear 'tracer: tracing' 30
}

counted() {
    sed -n 's/^ksys_read: \([0-9]*\) calls.*/\1/p' /tmp/out
}

end_count() {
    kill -INT $tracer
    ends_with 0
}

# Every call is counted, or said to be missing. Where the probe runs with preemption off, none is.
for mechanism in pair kprobe-multi kprobe multi; do
    tracer latency --attach $mechanism -G ksys_read -- true >/dev/null 2>/tmp/err || {
        [ $mechanism != pair ] && said 'this kernel has no' || fail "$mechanism: $(cat /tmp/err)"
        continue
    }
    count_reads --attach $mechanism
    read_bytes 5000
    end_count
    missing=$(sed -n 's/^tracer: [0-9]* calls counted in the kernel, \([0-9]*\) missing.*/\1/p' /tmp/err)
    [ $(($(counted) + missing)) = 20000 ] || fail "$mechanism: $(counted) counted and $missing missing of 20000: $(cat /tmp/err)"
    case $mechanism in kprobe*) [ "$missing" = 0 ] || fail "$mechanism: $missing missing" ;; esac
    buckets=$(awk -F'|' '!/#  / && NF == 3 { sum += $2 } END { print sum }' /tmp/out)
    [ "$buckets" = "$(counted)" ] || fail "$mechanism: $buckets calls in the buckets: $(cat /tmp/out)"
done

# Told apart by a value: each has its calls, by each mechanism; what is read is what was there at the entry.
row() {
    awk -v value="$1" 'NF > 8 && $NF == value { calls = $1 } END { print calls + 0 }' /tmp/out
}
read_sizes() {
    dd if=/dev/zero of=/dev/null bs=1 count=400 2>/dev/null
    dd if=/dev/zero of=/dev/null bs=2 count=30 2>/dev/null
    dd if=/dev/zero of=/dev/null bs=3 count=7 2>/dev/null
}
for mechanism in pair kprobe-multi kprobe multi; do
    tracer latency --attach $mechanism -G ksys_read -- true >/dev/null 2>/tmp/err || continue
    count_reads --attach $mechanism --by count
    read_sizes
    end_count
    missing=$(sed -n 's/^tracer: [0-9]* calls counted in the kernel, \([0-9]*\) missing.*/\1/p' /tmp/err)
    case $mechanism in kprobe*) [ "$missing" = 0 ] || fail "$mechanism, --by: $missing missing" ;; esac
    rows="$(row 1) $(row 2) $(row 3)"
    [ "$missing" != 0 ] || [ "$rows" = "400 30 7" ] || fail "$mechanism, --by: $rows: $(cat /tmp/out /tmp/err)"
    [ $(($(row 1) + $(row 2) + $(row 3) + missing)) = 437 ] || fail "$mechanism, --by: $rows and $missing missing of 437: $(cat /tmp/out /tmp/err)"
    count_reads --attach $mechanism --by 'count & 0x2' --use-nsec
    read_sizes
    end_count
    [ $(($(row 0) + $(row 2))) = "$(counted)" ] || fail "$mechanism, --by with a mask: $(cat /tmp/out /tmp/err)"
done
# A field behind a pointer (O_LARGEFILE alone), memory that is not there, more values than there is room for.
trace latency --no-cache -G vfs_read --comm dd --by 'file->f_flags'
hear 'tracer: tracing' 30
read_sizes
end_count
[ "$(row 32768)" -ge 400 ] || fail "--by a field: $(cat /tmp/out /tmp/err)"
count_reads --by '((struct file *)count)->f_flags'
read_sizes
end_count
[ "$(row '?')" = "$(counted)" ] || fail "--by what is not there: $(cat /tmp/out /tmp/err)"
said 'counted as ?: the value could not be read' || fail "--by what is not there: $(cat /tmp/err)"
count_reads --by count
size=0
while [ $size -lt 300 ]; do
    size=$((size + 1))
    dd if=/dev/zero of=/dev/null bs=$size count=1 2>/dev/null
done
end_count
[ "$(awk 'NR > 2 { sum += $1 } END { print sum }' /tmp/out)" = "$(counted)" ] || fail "--by with many values: $(cat /tmp/out)"
[ "$(row others)" -ge 47 ] && said "$(row others) calls counted as others" || fail "--by with many values: $(tail -n 3 /tmp/out; cat /tmp/err)"
wrong_by() {
    ! tracer latency -G ksys_read "$@" -- true >/tmp/out 2>/tmp/err || fail "$*: $(cat /tmp/out)"
}
wrong_by --by cnt
said '`ksys_read` has no argument `cnt`; there is fd, buf, count' && grep -q '^ *^^^$' /tmp/err || fail "a wrong --by: $(cat /tmp/err)"
wrong_by --by buf
said '`buf` is no number, and calls are counted by numbers' || fail "a wrong --by: $(cat /tmp/err)"
wrong_by --by count -g vfs_read
said 'by counts in the kernel, and these calls cannot be counted there: what -g excludes' || fail "--by with -g: $(cat /tmp/err)"

# The limit is exact, and ends the trace.
count_reads -n 1234
read_bytes 1000
ends_with 0
[ "$(counted)" = 1234 ] || fail "-n: $(cat /tmp/out)"

# Errors by their names, and what does not meet a condition is a number.
count_reads --failed
read_bytes 10
for _ in 1 2 3; do
    ! dd if=/ of=/dev/null count=1 2>/dev/null || fail "a directory can be read"
done
end_count
grep -q '^ksys_read: 3 calls, .*, 3 EISDIR$' /tmp/out || fail "--failed: $(cat /tmp/out)"
said '3 calls counted in the kernel, 0 missing; 40 calls filtered out' || fail "--failed: $(cat /tmp/err)"
count_reads --returns '>=2'
dd if=/dev/zero of=/dev/null bs=2 count=7 2>/dev/null
read_bytes 5
end_count
[ "$(counted)" = 7 ] || fail "--returns: $(cat /tmp/out)"

# Several roots, each with all its calls, one within the other, in one picture; and what there is so far, again and again.
trace latency --no-cache -G ksys_read -G vfs_read --comm dd --side-by-side --hide-empty --use-nsec --interval 300ms
hear 'tracer: tracing' 30
read_bytes 100
within 10 grep -q '^# after' /tmp/out || fail "--interval shows nothing: $(cat /tmp/err)"
end_count
sed -n '/^# after/,/^$/d; p' /tmp/out >/tmp/last
grep -q '^ksys_read: 400 calls, ns: ' /tmp/last || fail "several roots: $(cat /tmp/last)"
grep -q '^vfs_read: 400 calls, ns: ' /tmp/last || fail "several roots: $(cat /tmp/last)"
columns=$(awk -F'|' '/ - / { outer += $2; inner += $3 } END { print outer, inner }' /tmp/last)
[ "$columns" = "400 400" ] || fail "side by side: $(cat /tmp/last)"

# Buckets of one width, from the first that has something to the last.
count_reads --bucket-range 1000 --max-latency 2000
read_bytes 50
end_count
grep -q '^     0 -   1000 us |' /tmp/out || fail "--bucket-range: $(cat /tmp/out)"
buckets=$(awk -F'|' '!/#  / && NF == 3 { sum += $2 } END { print sum }' /tmp/out)
[ "$buckets" = 200 ] || fail "--bucket-range: $(cat /tmp/out)"

# What the kernel cannot decide is said, and counted here.
trace latency --no-cache -G ksys_read -g vfs_read --comm dd -n 5
hear 'tracer: tracing' 30
read_bytes 20
ends_with 0
said 'each call is streamed to tracer and counted there: what -g excludes' || fail "-g: $(cat /tmp/err)"
[ "$(counted)" = 5 ] || fail "-g: $(cat /tmp/out)"

# The same calls counted and recorded at a time. Each has a time of its own for a call, by probes of its own, and what comes between them (a task
# that is preempted there) may move a call by one place in the order: the median is between the neighbours of the other's, 3 % either way.
tracer --no-cache -G ksys_read --comm dd --graph-opts depth=1 --format csv -o /tmp/calls.csv 2>/tmp/recorder.err &
recorder=$!
within 30 grep -q 'tracer: tracing' /tmp/recorder.err || fail "the recorder: $(cat /tmp/recorder.err)"
count_reads --use-nsec
for step in 1 2 3 4 5 6 7 8 9 10 11; do
    usleep $((step * 4000))
    echo -n x
done | dd of=/dev/null bs=1 2>/dev/null
end_count
kill -INT $recorder
wait $recorder || fail "the recorder: $(cat /tmp/recorder.err)"
cut -d, -f10 /tmp/calls.csv | grep '^[0-9]' | sort -n >/tmp/times
all=$(wc -l </tmp/times)
[ "$all" = "$(counted)" ] || fail "$(counted) calls were counted and $all recorded"
middle=$(((all + 1) / 2))
set -- $(sed -n "$((middle - 1))p;$((middle + 1))p" /tmp/times)
found=$(sed -n 's/^ksys_read: .* p50 \([0-9]*\),.*/\1/p' /tmp/out)
awk -v low="$1" -v high="$2" -v found="$found" 'BEGIN { exit found < low * 0.97 || found > high * 1.03 }' ||
    fail "the median is $found ns, not from $1 to $2: $(tr '\n' ' ' </tmp/times)"
nothing_left
