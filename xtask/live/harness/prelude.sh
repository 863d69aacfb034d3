# What every live test has: it stops at the first command that fails, and says why in its last line.

set -eu

# What one test learns is nothing to the next.
export TRACER_CACHE_DIR="/tmp/cache.$0"

# What the entry of a system call begins with.
case $(uname -m) in
x86_64) sys=__x64_sys_ ;;
aarch64) sys=__arm64_sys_ ;;
esac

# The test fails, and this is why. The first lines are the reason, the others are evidence.
fail() {
    echo "$*" | head -n 6 | tr '\n' ' ' | cut -c 1-900 >"/tmp/$0.reason"
    echo "$*"
    exit 1
}

# The test cannot run on this kernel, which lacks something.
skip_without() {
    echo "needs $*"
    exit 77
}

# Waits until a command succeeds, at most so many seconds: `within SECONDS COMMAND...`.
within() {
    within_left=$(($1 * 10))
    shift
    until "$@"; do
        within_left=$((within_left - 1))
        [ $within_left -gt 0 ] || return 1
        usleep 100000
    done
}

# Removes a cgroup once nothing is in it. cgroup.procs is empty earlier: it leaves out tasks that exit, and they hold the cgroup until they have (cgroup_is_populated in kernel/cgroup/cgroup.c).
remove_cgroup() {
    within 10 grep -q '^populated 0$' "$1/cgroup.events" || fail "$1 is in use: $(cat "$1/cgroup.procs")"
    rmdir "$1"
}

# Whether any BPF program is in the kernel. The workload of a sockmap has one, so it must have ended.
bpf_is_there() {
    grep -q 'bpf_prog_.*\[bpf\]$' /proc/kallsyms
}

bpf_is_gone() {
    ! bpf_is_there
}

# Whether any function is patched, by tracer or by the function tracer. Files there have no size.
patched() {
    [ -n "$(head -n 1 /sys/kernel/tracing/enabled_functions)" ]
}

unpatched() {
    ! patched
}

# What earlier tracers let go in the background is gone, so what is patched from now on is another's.
let_go() {
    within 60 unpatched || fail "functions stay patched: $(tr '\n' ' ' </sys/kernel/tracing/enabled_functions)"
}

# Whether tracer has begun to attach. Asking which mechanisms the kernel has patches a function for a moment, too.
attaching() {
    [ "$(wc -l </sys/kernel/tracing/enabled_functions)" -gt 2 ]
}

# The kernel is as it was: no program, no function that is patched for one. Programs go with a grace
# period, and up to kernel 7.0 each link takes one of its own. The code of a trampoline may stay for
# as long as a task sleeps in the function that it led to (bpf_tramp_image_put, kernel/bpf/trampoline.c).
nothing_left() {
    within "${1:-60}" bpf_is_gone || fail "programs stay: $(grep 'bpf_prog_.*\[bpf\]$' /proc/kallsyms | tr '\n' ' ')"
    # After the prompt the sampling process may just be switching the function tracer off.
    within 20 no_instance || fail "an instance of the function tracer stays: $(ls /sys/kernel/tracing/instances)"
    ! patched || fail "functions stay patched: $(tr '\n' ' ' </sys/kernel/tracing/enabled_functions)"
}

# No instance of the function tracer is left.
no_instance() {
    [ -z "$(ls /sys/kernel/tracing/instances)" ]
}

# A sampling process has an instance of the function tracer, which is named after it.
learning() {
    sampler=$(ls /sys/kernel/tracing/instances)
    sampler=${sampler#tracer-}
    [ -n "$sampler" ]
}

# Starts a workload that runs until it is killed: `drive KIND [MICROSECONDS BETWEEN SENDS]`. Under emulation a send takes some 2 ms: with
# many of them all else takes a multiple of its time.
drive() {
    tracer workload "$1" --interval-us "${2:-20000}" 2>/tmp/workload.err &
    workload=$!
}

# Makes so many tasks, one after the other, each of which ends at once. All have the name `forker`, which nothing else in a test has.
forks() {
    echo -n forker >/proc/self/comm
    left=$1
    while [ $left -gt 0 ]; do
        (exit 0)
        left=$((left - 1))
    done
    echo -n sh >/proc/self/comm
}

# Starts tracer with stdout to /tmp/out and stderr to /tmp/err.
trace() {
    : >/tmp/err
    tracer "$@" >/tmp/out 2>/tmp/err &
    tracer=$!
}

# Whether tracer has said something on stderr.
said() {
    grep -q "$1" /tmp/err
}

# Waits until tracer has said something: `hear TEXT SECONDS`.
hear() {
    within "$2" said "$1" || fail "no '$1' within $2 s but: $(tr '\n' ' ' </tmp/err)"
}


# Whether pairs are the only mechanism that the kernel has.
only_pairs() {
    [ -e /tmp/check ] || tracer check >/tmp/check
    ! grep -q '^ok  *kprobe ' /tmp/check
}

# Whether the kernel attaches any number of functions by their addresses, so that a trace begins with all of them.
wide() {
    [ -e /tmp/check ] || tracer check >/tmp/check
    grep -q '^ok  *kprobe' /tmp/check
}

# Nothing was lost, and every end was seen. With pairs an interrupt may call a function while that is in its own probe, and the kernel
# skips one end, which is a gap: there is no other mechanism on kernels before 6.10.
all_seen() {
    if only_pairs; then
        said ', 0 events lost'
    else
        said ', 0 events lost, 0 gaps'
    fi
}

# How many entries of roots the kernel skipped, as tracer said at its end.
skipped_roots() {
    skipped=$(sed -n 's/^tracer: the kernel skipped \([0-9]*\) entr[a-z]* and .* of roots.*/\1/p' /tmp/err)
    echo "${skipped:-0}"
}

# tracer is to end by itself with a status: `ends_with STATUS`.
ends_with() {
    status=0
    wait "$tracer" || status=$?
    [ "$status" = "$1" ] || fail "exit status $status instead of $1: $(tr '\n' ' ' </tmp/err)"
}

# /tmp/out is a listing whose braces match: a brace closes what was opened at its own depth, and
# nothing is left open. Prints the number of root calls.
check_listing() {
    awk -f /live/harness/listing.awk /tmp/out || fail "the listing is not whole"
}
