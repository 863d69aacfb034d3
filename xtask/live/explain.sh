# A trace is explained when it ends, by a condition or by the durations; parts of a recording have together what it has.
# only on 6.12: recordings are read in the same way everywhere
# limit: 240

# Of so many writes the last fails; what else the shell writes is no concern of it.
cat >/tmp/writes <<'END'
for i in 1 2 3 4 5 6 7 8; do echo x >/dev/null; done
echo x >/dev/full
END
tracer explain -G ksys_write --failed=ENOSPC --learn 0 -- sh /tmp/writes >/tmp/out 2>/tmp/err || fail "explain: exit status $?: $(cat /tmp/err)"
whole=$(sed -n 's/^tracer: \([0-9]*\) whole calls*,.*/\1/p' /tmp/err)
[ "$(grep -c 'whole calls*,' /tmp/err)" = 1 ] || fail "explain: sums are not said once: $(cat /tmp/err)"
grep -q "^# 1 of $whole root calls failed" /tmp/out || fail "explain: $(cat /tmp/out /tmp/err)"
grep -q ' -ENOSPC from ' /tmp/out || fail "explain: not who failed first: $(cat /tmp/out)"
tracer explain -G ${sys}nosuchcall --duration 1s >/tmp/out 2>/tmp/err && fail "explain: a function that is not there"
[ -z "$(ls /tmp/tracer-* 2>/dev/null)" ] || fail "explain: a recording is left: $(ls /tmp)"

tracer record -o /tmp/all.rec -G ksys_write --learn 0 --stack --graph-opts args -- sh /tmp/writes >/tmp/out 2>/tmp/err || fail "record: $(cat /tmp/err)"
tracer split /tmp/all.rec --parts 3 >/tmp/out 2>/tmp/err || fail "split: exit status $?: $(cat /tmp/err)"
tracer replay /tmp/all.rec --graph-opts args,tail >/tmp/whole 2>/tmp/err || fail "replay: $(cat /tmp/err)"
for part in 1 2 3; do
    [ ! -e /tmp/all-$part.rec ] || tracer replay /tmp/all-$part.rec --graph-opts args,tail 2>/tmp/err || fail "replay of part $part: $(cat /tmp/err)"
done >/tmp/parts
# Each has a head of its own.
grep -v '^#' /tmp/whole | sort >/tmp/whole.sorted
grep -v '^#' /tmp/parts | sort >/tmp/parts.sorted
[ -s /tmp/whole.sorted ] && cmp /tmp/whole.sorted /tmp/parts.sorted || fail "the parts differ from the whole"
