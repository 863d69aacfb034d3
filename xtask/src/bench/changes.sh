# A million root calls, by two tasks at a time, while the set of probes changes twenty times and more: whether each is accounted for, once. By one CPU, whose clock is its
# instructions, and which is shared by the tasks, by tracer and by what patches the kernel; two minutes of its time:
#
#     cargo xtask vm --icount --kernel 6.12 --timeout 1800 --file xtask/src/bench/changes.sh -- sh changes.sh
#
# ROUNDS says how many rounds of 20,000 calls there are at least, and CHANGES how many changes: rounds go on until both are reached. Between rounds the tasks
# rest, so that half of the changes come in the middle of calls, and others between them.

rounds=${ROUNDS:-50} changes=${CHANGES:-20}
changed='have them from now on\|have pairs\|have probes again\|narrowed again'
cat >/tmp/reads <<END
read_some() { dd if=/dev/zero of=/dev/null bs=1 count=10000 2>/dev/null; }
round=0
while [ \$round -lt $rounds ] || [ "\$(grep -c '$changed' /tmp/said)" -lt $changes ]; do
    read_some & read_some
    wait
    round=\$((round + 1))
    usleep 400000
done
echo \$round >/tmp/rounds
END
tracer profile -v --no-cache --wide-every 1s --ring-size 65536 -G read_zero -o /tmp/out -- sh /tmp/reads 2>/tmp/said
grep '^tracer: ' /tmp/said | grep -v ' skipped ' | sed 's/[0-9.]* s; [0-9]* have/N s; N have/; s/with [0-9]* functions/with N functions/' | sort | uniq -c | sort -rn
number() { set -- $(sed -n "s/$1/\\1/p" /tmp/said); echo "${1:-0}"; }
calls=$(($(cat /tmp/rounds) * 20000))
counted=$(number '^tracer: [0-9]* calls counted in the kernel in \([0-9]*\) root calls.*')
skipped=$(number '^tracer: the kernel skipped \([0-9]*\) entr[a-z]* and .* of roots.*')
echo "$calls calls, $(grep -c "$changed" /tmp/said) changes: $counted counted, $skipped skipped"
[ $((counted + skipped)) = "$calls" ] && echo "each is accounted for, once" || echo "NOT all are accounted for"
