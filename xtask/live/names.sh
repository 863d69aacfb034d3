# A name finds every function that has it, also one that stands second at an address or that the compiler has made another of.
# only on 6.12: what kallsyms has is read in the same way everywhere

# System calls without arguments have two names at one address.
for name in getpid ${sys}getpid; do
    trace --learn 0 -G $name --graph-opts depth=1 -n 1 -- sh -c 'sh -c :'
    ends_with 0
    said 'tracer: tracing ' || fail "$name: $(cat /tmp/err)"
done

# Several functions of one name are all roots.
trace --learn 0 -G s_next --graph-opts depth=1 -- head -c 20000 /proc/kallsyms
ends_with 0
said 'tracing s_next ([2-9] functions)' || said 'tracing s_next ([1-9][0-9] functions)' || fail "s_next: $(cat /tmp/err)"
[ "$(grep -c 's_next();' /tmp/out)" -gt 100 ] || fail "s_next: $(grep -c s_next /tmp/out) calls: $(cat /tmp/err)"
trace --learn 0 -G 's_next*' --graph-opts depth=1 -- head -c 20000 /proc/kallsyms
ends_with 0
[ "$(grep -c 's_next();' /tmp/out)" -gt 100 ] || fail "s_next*: $(cat /tmp/err)"

# What the compiler put after a name need not be typed.
trace --learn 0 -G finish_task_switch --graph-opts depth=1 -n 3
ends_with 0
grep -q 'finish_task_switch.isra.0()' /tmp/out || fail "finish_task_switch: $(cat /tmp/err)"
