# A kernel in lockdown is said to be in lockdown. The switch cannot be turned back in this boot, so
# this is the last test in the order of names.

mount -t securityfs securityfs /sys/kernel/security 2>/dev/null || :
[ -e /sys/kernel/security/lockdown ] || skip_without lockdown
# The probes of earlier tests may still be on their way out, which takes minutes for pairs: there must be no more of them afterwards.
programs() { grep -c 'bpf_prog_.*\[bpf\]$' /proc/kallsyms || :; }
programs_before=$(programs)
echo confidentiality >/sys/kernel/security/lockdown
status=0
tracer --learn 0 -G __sys_sendto >/tmp/out 2>/tmp/err || status=$?
[ $status = 3 ] || fail "exit status $status instead of 3: $(cat /tmp/err)"
[ "$(wc -l </tmp/err)" = 1 ] || fail "not one sentence: $(cat /tmp/err)"
said lockdown || fail "no word of lockdown: $(cat /tmp/err)"
status=0
tracer check >/tmp/out 2>/tmp/err || status=$?
[ $status = 3 ] || fail "check: exit status $status instead of 3: $(cat /tmp/out)"
grep -q "^MISSING  *lockdown" /tmp/out || fail "check: $(cat /tmp/out)"
within 20 no_instance || fail "an instance of the function tracer is left"
# What is patched cannot be asked any more: lockdown keeps tracefs closed. A program would show.
no_more() { [ "$(programs)" -le "$programs_before" ]; }
within 20 no_more || fail "programs stay: $(programs), $programs_before before"
