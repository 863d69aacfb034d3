# A million root calls while the set of probes changes every second or two: whether each is there once. In real time, some minutes:
#
#     cargo xtask vm --kernel 6.12 --timeout 1800 --file xtask/src/bench/changes.sh -- sh changes.sh
#
# READS says how many calls instead. The rings have room for what tracer, on an emulated CPU, reads late.

reads=${READS:-1000000}
tracer profile -v --no-cache --wide-every 1s --ring-size 65536 -G read_zero -o /tmp/out -- dd if=/dev/zero of=/dev/null bs=1 count=$reads 2>/tmp/said
grep '^tracer: ' /tmp/said | grep -v ' left out ' | sort | uniq -c | sort -rn
changes=$(grep -c 'have them from now on\|have pairs\|have probes again\|narrowed again' /tmp/said)
set -- $(sed -n 's/^tracer: \([0-9]*\) whole calls, \([0-9]*\) partial.*/\1 \2/p' /tmp/said)
[ $(($1 + $2)) = "$reads" ] && echo "all $reads calls are there, $2 of them in part, across $changes changes" ||
    echo "of $reads calls $1 are there whole, and $2 in part, across $changes changes"
