# How long attaching and letting go take, in the guest's time. Prints what /probes says. MECHANISMS and COUNTS are set by xtask.

# Every fortieth or so, so that they are of all kinds.
tracer list | grep -v 'skipped' | awk 'NF == 1 && NR % 37 == 0' >/tmp/some
tracer list | grep -v 'skipped' | awk 'NF == 1 && NR % 37 != 0' >>/tmp/some
for mechanism in $MECHANISMS; do
    for count in $COUNTS; do
        [ $mechanism = pair ] && [ $count -gt 100 ] && continue
        /probes nothing $mechanism $count /tmp/some || echo "$mechanism $count failed"
    done
done
