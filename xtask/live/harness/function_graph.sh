# The kernel's function_graph, of commands that run once.
#
# Every run finds the same state: `prepare` before it, `clean` after it; the user of these functions
# defines both. function_graph and tracer are never there at the same time: from 6.11 until 2026
# function_graph stays slow once it had company, and what a probe calls would stand in its listing.

T=/sys/kernel/tracing

# Nothing is patched any more, and what was freed with it is.
quiet() {
    while [ -n "$(head -n 1 $T/enabled_functions)" ]; do usleep 200000; done
    sleep 1
}

# Which functions the kernel can trace, for `root_of`.
find_traceable() {
    cut -d ' ' -f 1 $T/available_filter_functions >/tmp/traceable
}

# The first of these functions that this kernel can trace.
root_of() {
    for candidate in "$@"; do
        if grep -qxF "$candidate" /tmp/traceable; then
            echo "$candidate"
            return
        fi
    done
}

# function_graph for a root, of the tasks in set_ftrace_pid or of all.
graph_on() {
    echo 0 >$T/tracing_on
    echo 16384 >$T/buffer_size_kb
    echo "$1" >$T/set_graph_function
    echo function_graph >$T/current_tracer
    for option in nofuncgraph-irqs funcgraph-tail funcgraph-proc nofunction-fork; do
        echo $option >$T/trace_options
    done
}

graph_off() {
    echo nop >$T/current_tracer
    echo >$T/set_graph_function
    echo >$T/set_ftrace_pid
    echo 4 >$T/buffer_size_kb
    echo 1 >$T/tracing_on
    quiet
}

# Makes a process that waits in a read and then becomes the command. Like tracer's held command it
# is a fork that has run nothing else yet, and shares its files with its parent: its end closes
# none of them for good. With its whole name, or busybox would not exec.
hold() {
    program=/bin/$1
    shift
    rm -f /tmp/gate
    mkfifo /tmp/gate
    exec 6</dev/null 7>/dev/null 8>/tmp/complaints
    (
        read -r go </tmp/gate
        exec "$program" "$@"
    ) <&6 >&7 2>&8 6<&- 7>&- 8>&- &
    held=$!
    exec 9>/tmp/gate
}

# Prints what function_graph has of one run.
recorded() {
    prepare
    hold "$@"
    echo $held >$T/set_ftrace_pid
    echo >$T/trace
    echo 1 >$T/tracing_on
    echo go >&9
    exec 9>&-
    # How the command ends is its own affair.
    wait $held || :
    echo 0 >$T/tracing_on
    exec 6<&- 7>&- 8>&-
    cat $T/trace
    clean
    # What the kernel frees later is freed.
    sleep 0.5
}
