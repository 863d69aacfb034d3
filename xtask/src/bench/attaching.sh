# How long attaching and letting go take, in the guest's time. Prints what /probes says. WAYS and COUNTS are set by xtask.

# Every fortieth or so, so that they are of all kinds.
tracer list | grep -v 'left out' | awk 'NF == 1 && NR % 37 == 0' >/tmp/some
tracer list | grep -v 'left out' | awk 'NF == 1 && NR % 37 != 0' >>/tmp/some
for way in $WAYS; do
    for count in $COUNTS; do
        [ $way = pair ] && [ $count -gt 100 ] && continue
        /probes nothing $way $count /tmp/some || echo "$way $count failed"
    done
done
