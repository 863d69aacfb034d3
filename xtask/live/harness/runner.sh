# Runs live tests inside a guest, one after the other: `runner.sh NAME:SECONDS...`.
#
# For each it prints `run NAME`, then `ok NAME SECONDS`, `skip NAME REASON` or `FAIL NAME REASON` on
# stdout. What a failed test printed goes to stderr.

dir=/live

uptime_hundredths() {
    read -r up _ </proc/uptime
    echo "${up%.*}${up#*.}"
}

# Those alone that are called so: busybox's killall goes by the program, too, and so would take the sampling process, which cleans up.
kill_tracers() {
    for comm in $(grep -lx tracer /proc/[0-9]*/comm 2>/dev/null); do
        process=${comm%/comm}
        kill -KILL "${process#/proc/}" 2>/dev/null
    done
}

for item in "$@"; do
    name=${item%:*} limit=${item##*:} log=/tmp/${item%:*}.log
    echo "run $name"
    started=$(uptime_hundredths)
    timeout -s KILL "$limit" sh -c '. "$1/harness/prelude.sh"; . "$1/$0.sh"' "$name" "$dir" </dev/null >"$log" 2>&1
    status=$?
    took=$(($(uptime_hundredths) - started))
    reason=$(cat "/tmp/$name.reason" 2>/dev/null || tail -n 1 "$log")
    # One that was killed had no chance to clean up, and the next one is to find a quiet machine.
    kill_tracers
    case $status in
        0) echo "ok $name $((took / 100)).$((took / 10 % 10)) s" ;;
        77) echo "skip $name $reason" ;;
        137)
            if [ $((took / 100)) -ge "$limit" ]; then
                reason="not done within $limit s"
            else
                reason="killed"
            fi
            echo "FAIL $name $reason" ;;
        *) echo "FAIL $name ${reason:-exit status $status}" ;;
    esac
    case $status in
        0 | 77) ;;
        *) sed 's/^/    /' "$log" >&2 ;;
    esac
done
