# What was seen and what was said to be lost are all that there was, also where a small ring loses
# nearly all of it; a replay says the same.
# limit: 240

readers() {
    for reader in 1 2 3 4; do
        dd if=/dev/zero of=/dev/null bs=1 count=10000 2>/tmp/dd.$reader &
        eval "reader$reader=$!"
    done
    wait "$reader1" "$reader2" "$reader3" "$reader4"
}

for mechanism in pair kprobe multi; do
    tracer check | grep -q "^ok  *$mechanism " || [ $mechanism = pair ] || continue
    trace record -o /tmp/account.rec --learn 0 --attach $mechanism -G ksys_read --comm dd --graph-opts depth=1 --ring-size 4
    hear 'tracer: tracing' 60
    readers
    kill -INT $tracer
    ends_with 0
    whole=$(sed -n "s/^tracer: \([0-9]*\) whole calls*.*/\1/p" /tmp/err)
    partial=$(sed -n "s/.* whole calls*, \([0-9]*\) partial.*/\1/p" /tmp/err)
    unseen=$(sed -n 's/^tracer: \([0-9]*\) root calls* w[a-z]* lost whole.*/\1/p' /tmp/err)
    all=$((whole + partial + ${unseen:-0} + $(skipped_roots)))
    # dd reads nothing else, but may be read from while it begins.
    [ $all -ge 40000 ] && [ $all -le 40040 ] || fail "$mechanism: $all of 40000: $(grep '^tracer' /tmp/err)"
    tracer replay /tmp/account.rec -o /dev/null 2>/tmp/replay.err || fail "replay: exit status $?: $(cat /tmp/replay.err)"
    told() { grep 'whole calls*\|lost whole\|skipped' "$1"; }
    [ "$(told /tmp/err)" = "$(told /tmp/replay.err)" ] || fail "$mechanism: a replay says $(told /tmp/replay.err) and not $(told /tmp/err)"
done
nothing_left
