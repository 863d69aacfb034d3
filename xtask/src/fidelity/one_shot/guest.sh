# What the guest does for `cargo xtask fidelity --one-shot`, behind live/harness/function_graph.sh:
# each command is run four times in one boot, once to warm the machine, twice under the kernel's
# function_graph and once under tracer. Each goes to the last CPU by itself, before it is what it is:
# where the scheduler puts a command decides which CPU's free memory it takes, which pages are freed
# with it, and whether a wake-up interrupts another CPU, and that differs from run to run. All else
# stays on the others: a parent that waits on the same CPU is there to be picked when the command's
# time slice ends, which is sooner the slower its functions are.
last=$((1 << ($(nproc) - 1)))
# With one CPU there are no others.
[ $last = 1 ] || taskset -p $((last - 1)) $$ >/dev/null

# What tracer can attach, and what it does not.
list_functions() {
    tracer list 2>/dev/null >/tmp/list
    sed -n 's/^\([^ ]*\) .*\(skipped\|excluded\): .*/\1/p' /tmp/list >/tmp/excluded
}

# Has tracer attach all of them but those that only cost.
all_functions() {
    sed '/ skipped: /d; / excluded: /d; / functions: /d; /rcu_read_/d; s/   *.*//' /tmp/list \
        >/tmp/functions
    grep rcu_read_ /tmp/traceable >>/tmp/excluded
}

# traced NAME OPTION...: runs tracer, which prints each root call whole, whatever its CPUs.
traced() {
    name=$1
    shift
    tracer --no-cache --graph-opts noirqs,tail -v -o /tmp/ours "$@" \
        </dev/null >/dev/null 2>/tmp/said
    echo "===== $name status $?"
}

# What tracer printed and said.
told() {
    echo "===== $1 ours"
    cat /tmp/ours
    echo "===== $1 said"
    cat /tmp/said
    echo "===== $1 end"
    rm -f /tmp/ours
}

# compare NAME 'ROOT...' 'OPTION...' COMMAND...
compare() {
    name=$1 root=$(root_of $2) options=$3
    shift 3
    echo "===== $name root"
    echo "$root"
    [ -n "$root" ] || return 0
    set -- taskset $last "$@"
    graph_on "$root"
    recorded "$@" >/dev/null
    for time in 1 2; do
        echo "===== $name kernel$time"
        recorded "$@"
    done
    graph_off
    prepare
    traced "$name" $options -G "$root" --no-inherit -- "$@"
    clean
    told "$name"
    quiet
}

# Three sends and a rest, again and again. The reader sleeps when it is sent something.
bursts() {
    while :; do
        taskset $last tracer workload sockmap --count 3 --interval-us 30100 --reader-delay-us 12000 --real-time \
            2>/dev/null
        sleep 5
    done
}

# The last process of the bursts ends by itself.
bursts_end() {
    kill $bursts
    wait $bursts
    while pidof tracer >/dev/null; do usleep 100000; done
}

# resting ORDER 'OPTION...': the bursts begin before tracer or after it.
resting() {
    name=bursts-$1 root=__sys_sendto
    echo "===== $name root"
    echo $root
    bursts & bursts=$!
    graph_on $root
    for time in 1 2; do
        echo "===== $name kernel$time"
        echo >$T/trace
        echo 1 >$T/tracing_on
        sleep 25
        echo 0 >$T/tracing_on
        cat $T/trace
    done
    graph_off
    if [ $1 = after ]; then
        bursts_end
        (
            until grep -q '^tracer: tracing' /tmp/said; do usleep 100000; done
            bursts
        ) & bursts=$!
    fi
    : >/tmp/said
    traced $name $2 -G $root --duration 40s -n 12
    bursts_end
    told $name
    quiet
}

mkdir -p /mnt
find_traceable
list_functions
quiet
