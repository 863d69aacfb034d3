# What a traced call costs: the median of a 1-byte send over loopback TCP, untraced and traced in each way, in guest instructions.
# Prints one line a figure, which xtask reads. MECHANISMS is set by xtask.

SENDS=60
export TRACER_CACHE_DIR=/tmp/plans
# In real time, so that tracer's own reading, which wakes up when a send ends, does not count as part of the send: here is one CPU for both.
workload="tracer workload tcp --real-time --size 1 --interval-us 2000 --count $SENDS"

# The time of a send, from what the workload says.
time_of() {
    sed -n 's/.* \([0-9]*\) ns a send.*/\1/p' "$1"
}

$workload 2>/tmp/said
echo "untraced $(time_of /tmp/said)"

# The plan that all that follow have in common.
tracer workload tcp --size 1 --interval-us 5000 2>/dev/null & sender=$!
tracer -G __sys_sendto -p $sender --graph-opts noirqs -n 20 --duration 60s -o /dev/null 2>/tmp/said || cat /tmp/said >&2
kill $sender
wait $sender
tracer list --learn 5s -G __sys_sendto | grep -v 'skipped' | awk 'NF > 2 && $2 != "functions:" { print $1 }' >/tmp/plan
echo "plan $(wc -l </tmp/plan)"

# Probes of one that has ended may still be on their way out: let_go waits for them.
let_go() {
    while [ -n "$(head -n 1 /sys/kernel/tracing/enabled_functions)" ]; do sleep 0.2; done
}

for mechanism in $MECHANISMS; do
    for role in nothing reserving; do
        # The exit of `_raw_spin_lock_irqsave`, with the ring's lock just taken, would take it again: before 6.15 (rqspinlock) the machine stands still. With
        # the other ways the kernel skips a probe within a probe.
        if [ $role-$mechanism = reserving-pair ] && ! grep -q ' resilient_queued_spin_lock_slowpath$' /proc/kallsyms; then
            echo "$role $mechanism skipped"
            continue
        fi
        /probes $role $mechanism 10000 /tmp/plan $workload 2>/tmp/said >/tmp/out || cat /tmp/said >&2
        echo "$role $mechanism $(time_of /tmp/said)"
        let_go
    done
    options="--attach $mechanism -G __sys_sendto --learn 0 --graph-opts noirqs -o /dev/null"
    tracer $options -- $workload 2>/tmp/said || cat /tmp/said >&2
    echo "inside $mechanism $(time_of /tmp/said) $(sed -n 's/^tracer: \([0-9]*\) whole calls*, [0-9]* partial, \([0-9]*\) events, .*/\1 \2/p' /tmp/said)"
    let_go
    tracer $options --comm nobody -- $workload 2>/tmp/said || cat /tmp/said >&2
    echo "outside $mechanism $(time_of /tmp/said)"
    let_go
done

# bpftrace with fentry and fexit on every fifth of these functions (each attempt to compile all of them takes minutes here, and a call costs the same), writing
# the same facts: time, CPU, task, function, and what it returned. It takes none without BTF
# and none with more than six arguments, no value of what returns nothing or a structure, and the kernel none that returns a structure: it names those.
ROOT=/bpftrace
for directory in proc sys dev; do mount --rbind /$directory $ROOT/$directory; done
bpftrace() {
    awk 'BEGIN {
        print "config = { missing_probes = \"warn\" }"
        print "fentry:vmlinux:__sys_sendto { @inside[tid] = 1; }"
    }
    FILENAME == "/tmp/void" { void[$1] = 1; next }
    {
        printf("fentry:vmlinux:%s /@inside[tid]/ { printf(\"%%d %%d %%d in %d\\n\", nsecs, cpu, tid); }\n", $1, NR)
        printf("fexit:vmlinux:%s /@inside[tid]/ { printf(\"%%d %%d %%d out %d %%d\\n\", nsecs, cpu, tid, %s); }\n", $1, NR, $1 in void ? "0" : "(int64)retval")
    }
    END { print "fexit:vmlinux:__sys_sendto { delete(@inside[tid]); }" }' /tmp/void /tmp/bpftrace.plan >$ROOT/tmp/script
    chroot $ROOT /usr/bin/bpftrace -o /tmp/out /tmp/script >/tmp/said 2>&1
}
is_over() { ! kill -0 $bpftrace 2>/dev/null; }
is_attached() { grep -qs '^Attached' /tmp/said $ROOT/tmp/out; }
grep -v '\.' /tmp/plan | awk 'NR % 5 == 0' >/tmp/bpftrace.plan
: >/tmp/void
for attempt in 1 2 3 4 5 6; do
    bpftrace & bpftrace=$!
    until is_attached || is_over; do sleep 1; done
    is_over || break
    sed -n 's/.*ERROR: Could not parse arguments of "\(.*\)":.*/\1/p
        s/.*Error loading BPF program for f[a-z]*_vmlinux_\(.*\)_[0-9]*\. .*/\1/p' /tmp/said >/tmp/refused
    awk 'FILENAME == "/tmp/refused" { refused[$1] = 1; next } !($1 in refused)' /tmp/refused /tmp/bpftrace.plan >/tmp/accepted
    mv /tmp/accepted /tmp/bpftrace.plan
    sed -n '/Cannot cast from /{n;s/^fexit:vmlinux:\([^ ]*\) .*/\1/p}' /tmp/said >>/tmp/void
done
is_attached || cat /tmp/said >&2
$workload 2>/tmp/sent
is_over || kill -INT $(pidof bpftrace)
wait $bpftrace
echo "bpftrace $(time_of /tmp/sent) $SENDS $(grep -c ' in ' $ROOT/tmp/out)"
let_go

cd /sys/kernel/tracing
echo 16384 >buffer_size_kb
echo __sys_sendto >set_graph_function
echo function_graph >current_tracer
echo nofuncgraph-irqs >trace_options
$workload 2>/tmp/said
echo 0 >tracing_on
echo "function_graph $(time_of /tmp/said) $(grep -c '|  __sys_sendto() {' trace) $(grep -c '();\|() {' trace)"

# What it costs to print what was recorded: the same path of more sends, recorded by function_graph and printed by trace-cmd, recorded and printed by tracer.
# In instructions a call, as the clock shows.
now() { sed -n 's/^now at \([0-9]*\) nsecs$/\1/p' /proc/timer_list; }
took() {
    begin=$(now)
    "$@" >/dev/null 2>/tmp/said || cat /tmp/said >&2
    echo $(($(now) - begin))
}
many="tracer workload tcp --real-time --size 1 --interval-us 200 --count 500"
echo >trace
echo 1 >tracing_on
$many 2>/tmp/said
echo 0 >tracing_on
calls=$(grep -c '();\|() {' trace)
ROOT=/trace-cmd
for directory in proc sys dev; do mount --rbind /$directory $ROOT/$directory; done
chroot $ROOT /usr/bin/trace-cmd extract -o /tmp/trace.dat >/tmp/said 2>&1 || cat /tmp/said >&2
echo "trace-cmd $(took chroot $ROOT /usr/bin/trace-cmd report /tmp/trace.dat) $calls"
echo nop >current_tracer
let_go
tracer record -o /tmp/recording -G __sys_sendto --learn 0 --graph-opts noirqs -- $many 2>/tmp/said || cat /tmp/said >&2
events=$(sed -n 's/^tracer: [0-9]* whole calls*, [0-9]* partial, \([0-9]*\) events, .*/\1/p' /tmp/said)
echo "replay $(took tracer replay /tmp/recording) $events"
