# What a call was given stands after its name, by whichever mechanism; texts between quotes.

drive tcp 20000
tracer check >/tmp/check
# It matters that it is started, not what it says.
long=$(printf '%070d' 0)
ln -s "$(readlink -f /proc/self/exe)" "/tmp/$long"
for mechanism in multi kprobe pair; do
    [ $mechanism = pair ] || grep -q "^ok  *$mechanism " /tmp/check || continue
    tracer --attach $mechanism --learn 0 -p $workload --graph-opts args,depth=1 -G tcp_sendmsg -G tcp_sendmsg_locked -n 3 >/tmp/out 2>/tmp/err || fail "$mechanism: exit status $?: $(cat /tmp/err)"
    grep -q 'tcp_sendmsg(sk=0xff[0-9a-f]*, msg=0xff[0-9a-f]*, size=7)' /tmp/out || fail "$mechanism: $(head -n 8 /tmp/out)"
    calls=$(check_listing) || fail "$mechanism: $calls"
    [ "$calls" = 3 ] || fail "$mechanism: $calls root calls instead of 3"
    tracer --attach $mechanism --learn 0 -p $workload --graph-opts depth=1 -G tcp_sendmsg -n 1 >/tmp/out 2>/tmp/err || fail "$mechanism: exit status $?: $(cat /tmp/err)"
    grep -q 'tcp_sendmsg();' /tmp/out || fail "$mechanism, without being asked: $(head -n 8 /tmp/out)"
    # The kernel's copy of a name, one that is cut, and the process's own.
    tracer --attach $mechanism --learn 0 --graph-opts args,depth=1 -G __set_task_comm -G do_sys_openat2 -- \
        sh -c ": >/tmp/a-file; exec /tmp/$long" >/tmp/out 2>/tmp/err || :
    grep -q '__set_task_comm(tsk=0x[0-9a-f]*, buf="sh", ' /tmp/out || fail "$mechanism: no name: $(grep -m 8 set_task_comm /tmp/out; cat /tmp/err)"
    grep -q '__set_task_comm(tsk=0x[0-9a-f]*, buf="0\{62\}"\.\.\., ' /tmp/out || fail "$mechanism: no name that is cut: $(grep -m 8 set_task_comm /tmp/out)"
    grep -q 'do_sys_openat2(dfd=-100, filename="/tmp/a-file", ' /tmp/out || fail "$mechanism: no name of the process's: $(grep -m 8 openat /tmp/out)"
done

# An address in the kernel's text is a place, flags of an allocation have names; in a replay, too.
printf '%s\n' lock_sock_nested release_sock __local_bh_enable_ip __alloc_skb >/tmp/functions
tracer record --print -o /tmp/recording --functions /tmp/functions -p $workload --graph-opts args -G tcp_sendmsg -n 2 >/tmp/out 2>/tmp/err || fail "places: exit status $?: $(cat /tmp/err)"
grep -Eq '__local_bh_enable_ip\(ip=[a-zA-Z0-9_.]+\+0x[0-9a-f]+, cnt=[0-9]+\)' /tmp/out || fail "no place: $(grep local_bh /tmp/out)"
grep -Eq '__alloc_skb\(size=[0-9]+, gfp_mask=GFP_[A-Z_|]+, ' /tmp/out || fail "no flags: $(grep alloc_skb /tmp/out)"
tracer replay /tmp/recording --graph-opts args >/tmp/replayed 2>/tmp/err || fail "replay: $(cat /tmp/err)"
cmp /tmp/out /tmp/replayed || fail "the replay differs: $(diff /tmp/out /tmp/replayed | head -n 5)"
kill $workload
wait $workload || fail "the workload: $(cat /tmp/workload.err)"

# A structure in memory takes no register: what stands after it is right. A trampoline serves no such function.
# move_pages(0, 1, {0x400000}, {0}, status, MPOL_MF_MOVE), exit(0): an ELF file of 184 bytes at 0x400000.
printf '\177\105\114\106\2\1\1\0\0\0\0\0\0\0\0\0\2\0\76\0\1\0\0\0\170\0\100\0\0\0\0\0\100\0\0\0'\
'\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\100\000\70\0\1\0\0\0\0\0\0\0\1\0\0\0\7\0\0\0\0\0\0\0\0'\
'\0\0\0\0\0\100\0\0\0\0\0\0\0\100\0\0\0\0\0\270\0\0\0\0\0\0\0\270\0\0\0\0\0\0\0\0\20\0\0'\
'\0\0\0\000\61\377\276\1\0\0\0\272\250\0\100\0\101\272\260\0\100\0\101\270\264\0\100\0'\
'\101\271\2\0\0\0\270\27\1\0\0\17\5\270\74\0\0\000\61\377\17\5\0\0\0\0\100\0\0\0\0\0\0\0'\
'\0\0\0\0\0\0' >/tmp/move_pages
chmod +x /tmp/move_pages
for mechanism in kprobe kprobe-multi; do
    # The program is one of x86-64.
    [ "$(uname -m)" = x86_64 ] && grep -q "^ok  *$mechanism " /tmp/check && grep -q ' t do_pages_move$' /proc/kallsyms || continue
    tracer --attach $mechanism --learn 0 --graph-opts args,depth=1 -G do_pages_move -o /tmp/out -- /tmp/move_pages 2>/tmp/err || fail "$mechanism: exit status $?: $(cat /tmp/err)"
    grep -q 'do_pages_move(mm=0xff[0-9a-f]*, task_nodes={...}, nr_pages=1, pages=0x4000a8, nodes=0x4000b0, status=0x4000b4, flags=2)' /tmp/out ||
        fail "$mechanism: arguments after a structure: $(cat /tmp/out /tmp/err)"
done
# In two registers neither half is the value.
if grep -q ' t timespec64_add_safe$\| T timespec64_add_safe$' /proc/kallsyms && ! only_pairs; then
    mkfifo /tmp/fifo
    tracer --learn 0 --graph-opts args,depth=1 -G timespec64_add_safe -o /tmp/out -- sh -c 'read -t 1 line <>/tmp/fifo || :' 2>/tmp/err || fail "timespec: exit status $?: $(cat /tmp/err)"
    grep -q 'timespec64_add_safe(lhs={...}, rhs={...}); /\* = {...} \*/' /tmp/out || fail "values in two registers: $(cat /tmp/out /tmp/err)"
fi
# A system call shows what the process gave it, of 64 bits and of 32: close(7), openat(AT_FDCWD, "/tmp/a-file", ...).
for mechanism in multi kprobe pair; do
    [ $mechanism = pair ] || grep -q "^ok  *$mechanism " /tmp/check || continue
    tracer --attach $mechanism --learn 0 --graph-opts args,depth=1 -G ${sys}close -G ${sys}openat -G ${sys}getpid -- \
        sh -c 'exec 7>/tmp/a-file; exec 7>&-' >/tmp/out 2>/tmp/err || fail "$mechanism: exit status $?: $(cat /tmp/err)"
    grep -q "${sys}close(fd=7)" /tmp/out || fail "$mechanism: close: $(grep -m 4 close /tmp/out)"
    grep -q "${sys}openat(dfd=-100, filename=\"/tmp/a-file\", flags=[0-9]*, mode=438)" /tmp/out || fail "$mechanism: openat: $(grep -m 4 openat /tmp/out)"
done
# A 32-bit program: openat(-100, "/tmp/a-file", 0, 0), close(77), exit(0) by int 0x80.
elf32() {
    printf '\177ELF\1\1\1\0\0\0\0\0\0\0\0\0\2\0\3\0\1\0\0\0\124\200\4\10\64\0\0\0\0\0\0\0\0\0\0\0\64\0\40\0\1\0\0\0\0\0\0\0'
    printf '\1\0\0\0\0\0\0\0\0\200\4\10\0\200\4\10\0\1\0\0\0\1\0\0\5\0\0\0\0\20\0\0'
    printf '\270\47\1\0\0\273\234\377\377\377\271\176\200\4\10\61\322\61\366\315\200'
    printf '\270\6\0\0\0\273\115\0\0\0\315\200\270\1\0\0\0\61\333\315\200'
    printf '/tmp/a-file\0'
    head -c 256 /dev/zero
}
if grep -q ' __ia32_compat_sys_openat$' /proc/kallsyms; then
    elf32 >/tmp/elf32
    chmod +x /tmp/elf32
    tracer --learn 0 --graph-opts args,depth=1 -G close -G openat -- /tmp/elf32 >/tmp/out 2>/tmp/err || fail "32 bits: exit status $?: $(cat /tmp/err)"
    grep -q '__ia32_sys_close(fd=77)' /tmp/out || fail "32 bits: close: $(cat /tmp/out /tmp/err)"
    grep -q '__ia32_compat_sys_openat(dfd=-100, filename="/tmp/a-file", flags=0, mode=0)' /tmp/out || fail "32 bits: openat: $(cat /tmp/out /tmp/err)"
fi
