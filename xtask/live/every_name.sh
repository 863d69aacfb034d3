# Each name of each function that ftrace reaches finds it, and so does the name of each system call.
# only on 6.1, 7.3: the oldest and the newest kernel of the matrix
# limit: 400

sed 's/ .*//' /sys/kernel/tracing/available_filter_functions | grep -v ^__ftrace_invalid >/tmp/names
# Second names are among these.
sed -n 's/.* [tTwW] \(__\(do\|x64\|ia32\|arm64\)_sys_[a-z0-9_]*\)$/\1/p' /proc/kallsyms | grep -v ni_syscall >/tmp/entries
sed -n "s/^$sys//p" /tmp/entries >/tmp/calls
[ "$(wc -l </tmp/names)" -gt 30000 ] && [ "$(wc -l </tmp/calls)" -gt 300 ] || fail "$(wc -l /tmp/names /tmp/calls)"
tracer list $(cat /tmp/names /tmp/entries /tmp/calls) stat fstat lstat uname umount2 sendfile >/tmp/out 2>/tmp/err || fail "a name is not found: $(cat /tmp/err)"
# missing FILE: its lines that do not come in.
missing() { awk 'NR == FNR { seen[$0]; next } !($0 in seen)' - "$1" >/tmp/missing; }
sed 's/ .*//' /tmp/out | missing /tmp/names
# Of several names at an address one is shown, and what the kernel marks notrace is not, though it shares a name.
[ "$(wc -l </tmp/missing)" -lt 600 ] || fail "$(wc -l </tmp/missing) names are not listed: $(head -n 20 /tmp/missing | tr '\n' ' ')"
sed -n 's/^\(__x64_sys\|__arm64_sys\|__sys\|ksys\|__do_sys\)_\([a-z0-9_]*\).*/\2/p' /tmp/out | missing /tmp/calls
[ ! -s /tmp/missing ] || fail "system calls that are not listed: $(tr '\n' ' ' </tmp/missing)"
