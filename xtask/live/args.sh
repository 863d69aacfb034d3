# What a call was given stands behind its name, whichever way it was attached; texts between quotes.

drive tcp 20000
tracer check >/tmp/check
# It matters that it is started, not what it says.
long=$(printf '%070d' 0)
ln -s "$(readlink -f /proc/self/exe)" "/tmp/$long"
for way in multi kprobe pair; do
    [ $way = pair ] || grep -q "^ok  *$way " /tmp/check || continue
    tracer --attach $way --learn 0 -p $workload --graph-opts args,depth=1 -G tcp_sendmsg -G tcp_sendmsg_locked -n 3 >/tmp/out 2>/tmp/err || fail "$way: exit status $?: $(cat /tmp/err)"
    grep -q 'tcp_sendmsg(sk=0xff[0-9a-f]*, msg=0xff[0-9a-f]*, size=7)' /tmp/out || fail "$way: $(head -n 8 /tmp/out)"
    calls=$(check_listing) || fail "$way: $calls"
    [ "$calls" = 3 ] || fail "$way: $calls root calls instead of 3"
    tracer --attach $way --learn 0 -p $workload --graph-opts depth=1 -G tcp_sendmsg -n 1 >/tmp/out 2>/tmp/err || fail "$way: exit status $?: $(cat /tmp/err)"
    grep -q 'tcp_sendmsg();' /tmp/out || fail "$way, without being asked: $(head -n 8 /tmp/out)"
    # The kernel's copy of a name, one that is cut, and the process's own.
    tracer --attach $way --learn 0 --graph-opts args,depth=1 -G __set_task_comm -G do_sys_openat2 -- \
        sh -c ": >/tmp/a-file; exec /tmp/$long" >/tmp/out 2>/tmp/err || :
    grep -q '__set_task_comm(tsk=0x[0-9a-f]*, buf="sh", ' /tmp/out || fail "$way: no name: $(grep -m 8 set_task_comm /tmp/out; cat /tmp/err)"
    grep -q '__set_task_comm(tsk=0x[0-9a-f]*, buf="0\{62\}"\.\.\., ' /tmp/out || fail "$way: no name that is cut: $(grep -m 8 set_task_comm /tmp/out)"
    grep -q 'do_sys_openat2(dfd=-100, filename="/tmp/a-file", ' /tmp/out || fail "$way: no name of the process's: $(grep -m 8 openat /tmp/out)"
done
kill $workload
wait $workload || fail "the workload: $(cat /tmp/workload.err)"

# A structure in memory takes no register: what stands behind it is right. A trampoline serves no such function.
# move_pages(0, 1, {0x400000}, {0}, status, MPOL_MF_MOVE), exit(0): an ELF file of 184 bytes at 0x400000.
printf '\177\105\114\106\2\1\1\0\0\0\0\0\0\0\0\0\2\0\76\0\1\0\0\0\170\0\100\0\0\0\0\0\100\0\0\0'\
'\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\100\000\70\0\1\0\0\0\0\0\0\0\1\0\0\0\7\0\0\0\0\0\0\0\0'\
'\0\0\0\0\0\100\0\0\0\0\0\0\0\100\0\0\0\0\0\270\0\0\0\0\0\0\0\270\0\0\0\0\0\0\0\0\20\0\0'\
'\0\0\0\000\61\377\276\1\0\0\0\272\250\0\100\0\101\272\260\0\100\0\101\270\264\0\100\0'\
'\101\271\2\0\0\0\270\27\1\0\0\17\5\270\74\0\0\000\61\377\17\5\0\0\0\0\100\0\0\0\0\0\0\0'\
'\0\0\0\0\0\0' >/tmp/move_pages
chmod +x /tmp/move_pages
for way in kprobe kprobe-multi; do
    grep -q "^ok  *$way " /tmp/check && grep -q ' t do_pages_move$' /proc/kallsyms || continue
    tracer --attach $way --learn 0 --graph-opts args,depth=1 -G do_pages_move -o /tmp/out -- /tmp/move_pages 2>/tmp/err || fail "$way: exit status $?: $(cat /tmp/err)"
    grep -q 'do_pages_move(mm=0xff[0-9a-f]*, task_nodes={...}, nr_pages=1, pages=0x4000a8, nodes=0x4000b0, status=0x4000b4, flags=2)' /tmp/out ||
        fail "$way: arguments behind a structure: $(cat /tmp/out /tmp/err)"
done
# In two registers neither half is the value.
if grep -q ' t timespec64_add_safe$\| T timespec64_add_safe$' /proc/kallsyms && ! only_pairs; then
    mkfifo /tmp/fifo
    tracer --learn 0 --graph-opts args,depth=1 -G timespec64_add_safe -o /tmp/out -- sh -c 'read -t 1 line <>/tmp/fifo || :' 2>/tmp/err || fail "timespec: exit status $?: $(cat /tmp/err)"
    grep -q 'timespec64_add_safe(lhs={...}, rhs={...}); /\* = {...} \*/' /tmp/out || fail "values in two registers: $(cat /tmp/out /tmp/err)"
fi
