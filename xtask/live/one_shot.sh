# What happens once is in the graph as function_graph has it: the first call shows all.
# limit: 480

# All that the kernel can trace has to be attached at once, which is what fprobes are for.
grep -q ' register_fprobe$' /proc/kallsyms || skip_without "fprobes (CONFIG_FPROBE)"

. /live/harness/function_graph.sh
find_traceable
prepare() { :; }

pairs() { awk -f /live/harness/pairs.awk "$1" | sort >"$2"; }

# graphs NAME 'ROOT...' COMMAND...: twice by function_graph; what both have is what is to be there.
graphs() {
    name=$1 root=$(root_of $2)
    shift 2
    [ -n "$root" ] || fail "$name: no such root here"
    graph_on "$root"
    recorded "$@" >/dev/null
    for time in 1 2; do
        recorded "$@" >/tmp/graph
        pairs /tmp/graph /tmp/pairs.$time
    done
    graph_off
    grep -Fxf /tmp/pairs.1 /tmp/pairs.2 >/tmp/pairs || :
    [ -s /tmp/pairs ] || fail "$name: function_graph lists nothing: $(head -n 20 /tmp/graph)"
}

# once LEAST NAME 'ROOT...' COMMAND...: tracer's listing has so many of a thousand of them, or, what a wake-up does being different from call to
# call, that of a second cold trace has: a function without a probe is in neither.
once() {
    least=$1
    shift
    graphs "$@"
    shift 2
    : >/tmp/ours
    for time in 1 2; do
        tracer -v --no-cache -G "$root" --graph-opts noirqs --no-inherit -o /tmp/out -- "$@" >/dev/null 2>/tmp/err ||
            fail "$name: exit status $?: $(cat /tmp/err)"
        clean
        let_go
        pairs /tmp/out /tmp/ours.$time
        cat /tmp/ours.$time >>/tmp/ours
    done
    # What tracer does not attach it names, with the reason.
    sed -n 's/^tracer: skipped \([^:]*\):.*/\1/p' /tmp/err >/tmp/excluded
    awk -F'>' 'NR == FNR { excluded[$1]; next } !($1 in excluded) && !($2 in excluded)' /tmp/excluded /tmp/pairs >/tmp/wanted
    mv /tmp/wanted /tmp/pairs
    grep -vFxf /tmp/ours /tmp/pairs >/tmp/missing || :
    all=$(wc -l </tmp/pairs) missing=$(wc -l </tmp/missing)
    echo "$name: $root: $((all - missing)) of $all"
    [ $(((all - missing) * 1000)) -ge $((all * least)) ] ||
        fail "$name: $((all - missing)) of $all pairs of caller and callee below $root; missing:" \
            "$(head -n 30 /tmp/missing | tr '\n' ' '): $(cat /tmp/err)"
}

clean() { rmdir /tmp/d1; }
once 980 mkdir 'do_mkdirat filename_mkdirat' mkdir /tmp/d1
# More of them on the oldest and the newest kernel that has kprobe.session; `cargo xtask fidelity --one-shot` has all.
case $(uname -r) in
    6.12.*-cloud-* | 7.*) ;;
    *) nothing_left; exit 0 ;;
esac
clean() { :; }
# Not what wakes somebody up: which timers are armed then depends on who else waits, and tracer does.
once 980 ls iterate_dir ls /
# The process that becomes another program is a shell's here and tracer's own there.
once 940 exec bprm_execve true
nothing_left
