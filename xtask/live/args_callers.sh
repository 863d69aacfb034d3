# With retaddr each call says who made it, also one that is jumped to by a function that has probes; live and in a replay.

tracer check >/tmp/check
mechanisms=pair
# A hundred pairs take long, and are seen where there is nothing else.
! grep -q "^ok  *kprobe " /tmp/check || mechanisms=kprobe
! grep -q "^ok  *multi " /tmp/check || mechanisms="multi $mechanisms"
for mechanism in $mechanisms; do
    tracer record --print -o /tmp/recording --attach $mechanism --learn 0 -G ${sys}write -G ksys_write -G vfs_write --graph-opts noirqs,retaddr,depth=3 -- \
        dd if=/dev/zero of=/dev/null bs=64 count=5 >/tmp/out 2>/tmp/err || fail "$mechanism: exit status $?: $(cat /tmp/err)"
    syscall=$(sed -n "s|.*  ${sys}write() { /\\* <-\\(.*\\) \\*/\$|\\1|p" /tmp/out | sort -u)
    echo "$syscall" | grep -Eq '^(x64_sys_call|do_syscall_64|invoke_syscall)\+0x[0-9a-f]+$' || fail "$mechanism: ${sys}write was called from '$syscall': $(cat /tmp/out)"
    # Jumped to, so both return to the same place; arm64 calls it.
    caller=$(sed -n 's|.*  ksys_write()[; {]* /\* <-\([^ ]*\) .*|\1|p' /tmp/out | sort -u)
    case $caller in
    "$syscall") ;;
    __arm64_sys_write+0x*) ;;
    *) fail "$mechanism: ksys_write was called from '$caller': $(grep -m 3 ksys_write /tmp/out)" ;;
    esac
    grep -Eq '  vfs_write\(\)(;| \{) /\* <-ksys_write\+0x[0-9a-f]+ ' /tmp/out || fail "$mechanism: $(grep -m 3 vfs_write /tmp/out)"
    ! grep -Eq 'rethook|return_to_handler|bpf_trampoline|<-unknown' /tmp/out || fail "$mechanism: a probe as caller: $(cat /tmp/out)"
    calls=$(check_listing) || fail "$mechanism: $calls"
    [ "$calls" -ge 5 ] || fail "$mechanism: $calls root calls"
    tracer replay /tmp/recording --graph-opts noirqs,retaddr,depth=3 >/tmp/replayed 2>/tmp/err.replay || fail "$mechanism: replay: $(cat /tmp/err.replay)"
    cmp /tmp/out /tmp/replayed || fail "$mechanism: the replay differs: $(diff /tmp/out /tmp/replayed | head -n 5)"
    tracer replay /tmp/recording --format json 2>/tmp/err.replay | grep -q "\"function\":\"ksys_write\",[^}]*\"caller\":\"$caller\"" || fail "$mechanism: no caller in JSON"
done
