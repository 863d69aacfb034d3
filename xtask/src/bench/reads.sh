# What a read of one byte from /dev/zero costs more while its calls are counted in the kernel, or each is a line of a file, in guest instructions: bpftrace's
# histogram by fentry and fexit, tracer latency by each mechanism, tracer profile, and a trace of depth 1, in one boot with one CPU. For tracer it is two
# parts: what reads cost more while tracer is stopped, so that what they leave stays in the rings, and what tracer itself runs for as many.

READS=20000

now() { sed -n 's/^now at \([0-9]*\) nsecs$/\1/p' /proc/timer_list; }

# Instructions a read, with the write to /dev/null that dd makes.
reads() {
    begin=$(now)
    dd if=/dev/zero of=/dev/null bs=1 count=$READS 2>/dev/null
    echo $((($(now) - begin) / READS))
}

let_go() {
    while [ -n "$(head -n 1 /sys/kernel/tracing/enabled_functions)" ]; do sleep 0.2; done
}

# How long tracer has run, ns.
own() { awk '{ sum += $1 } END { printf "%.0f", sum }' /proc/$tracer/task/*/schedstat; }

# What is more while tracer runs so: `with_tracer NAME ARGUMENTS...`.
with_tracer() {
    name=$1
    shift
    tracer "$@" >/dev/null 2>/tmp/said & tracer=$!
    until grep -q 'tracer: tracing' /tmp/said || ! kill -0 $tracer 2>/dev/null; do sleep 0.1; done
    if kill -0 $tracer 2>/dev/null; then
        reads >/tmp/warm
        sleep 0.5
        before=$(own)
        reads >/tmp/warm
        sleep 0.5
        own=$((($(own) - before) / READS))
        kill -STOP $tracer
        kernel=$(($(reads) - plain))
        kill -CONT $tracer
        echo "read $name $((kernel + own)): $kernel and $own of its own"
        kill -INT $tracer
    else
        echo "read $name none: $(head -n 1 /tmp/said)"
    fi
    wait $tracer
    let_go
}

# The kernel has work of its own for a while after it has booted. Nobody waits: where nothing runs, the guest's clock goes on at once.
sleep 20
reads >/tmp/warm
plain=$(reads)
echo "read plain $plain"
for mechanism in pair multi kprobe; do
    with_tracer "latency-$mechanism" latency --no-cache --attach $mechanism -G ksys_read
done
with_tracer latency latency --no-cache -G ksys_read
with_tracer profile profile --no-cache -G ksys_read --graph-opts depth=1
with_tracer depth-1 --no-cache -G ksys_read --graph-opts depth=1 -o /tmp/lines
with_tracer recorded record --no-cache -G ksys_read --graph-opts depth=1 -o /tmp/recording
[ -e /bpftrace ] || exit 0
ROOT=/bpftrace
for directory in proc sys dev; do mount --rbind /$directory $ROOT/$directory; done
echo 'fentry:vmlinux:ksys_read { @begin[tid] = nsecs; }
fexit:vmlinux:ksys_read /@begin[tid]/ { @ns = hist(nsecs - @begin[tid]); delete(@begin[tid]); }' >$ROOT/tmp/script
chroot $ROOT /usr/bin/bpftrace -o /tmp/out /tmp/script >/tmp/said 2>&1 & bpftrace=$!
until grep -qs '^Attached' /tmp/said $ROOT/tmp/out || ! kill -0 $bpftrace 2>/dev/null; do sleep 1; done
reads >/tmp/warm
echo "read bpftrace $(($(reads) - plain))"
kill -INT "$(pidof bpftrace)"
wait $bpftrace
