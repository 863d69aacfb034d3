# Runs beside systemd, in a guest with the package installed, after the live tests' prelude.

export PATH=/usr/bin:/usr/sbin:/bin
recording=/var/lib/tracer/flight.rec

# The service's own words are the evidence.
fail() {
    echo "$*" >&2
    journalctl --no-pager --output=cat --unit=tracer-record >&2 || :
    exit 1
}

booted() { systemctl is-system-running 2>/dev/null | grep -qE '^(running|degraded)$'; }
within 120 booted || fail "systemd does not come up: $(systemctl list-jobs 2>&1)"

tracer workload sockmap --interval-us 50000 >/dev/null 2>&1 &
systemctl start tracer-record || fail "it does not start"

# What it has is written whenever it is asked for.
recorded() {
    systemctl reload tracer-record || fail "it cannot be asked"
    usleep 500000
    [ -s $recording ] && [ "$(calls $recording)" -gt 0 ]
}
calls() { tracer replay "$1" 2>/dev/null | grep -cE '\|  __sys_sendto\(\)( \{|;)'; }
within 20 recorded || fail "it records nothing"

# It has what its unit allows, and no more: bpf, perfmon, syslog, sys_admin, sys_rawio.
pid=$(systemctl show --value --property=MainPID tracer-record)
has() { grep -q "^$1:.$2\$" /proc/$pid/status || fail "$(grep "^$1:" /proc/$pid/status), not $2"; }
has CapBnd 000000c400220000
has NoNewPrivs 1
has Seccomp 2
shows() { systemctl show --value --property="$1" tracer-record; }
[ "$(shows MemoryMax)" = 2147483648 ] || fail "MemoryMax is $(shows MemoryMax)"
[ "$(shows TasksMax)" = 64 ] || fail "TasksMax is $(shows TasksMax)"
shows SystemCallFilter | grep -qw bpf || fail "the filter of system calls has no bpf: $(shows SystemCallFilter)"
! shows SystemCallFilter | grep -qw mount || fail "the filter of system calls lets mount through"
# What it took so far is far below what it may take.
[ "$(shows MemoryPeak)" -lt 536870912 ] || fail "it took $(shows MemoryPeak) bytes"
[ "$(shows TasksCurrent)" -lt 32 ] || fail "it has $(shows TasksCurrent) tasks"
# Nobody else reads what it recorded.
[ "$(stat -c %a $recording)" = 600 ] || fail "the recording is $(stat -c %a $recording)"

# Stopped, it writes once more, and nothing of it stays in the kernel.
before=$(calls $recording)
systemctl stop tracer-record || fail "it does not stop"
result=$(systemctl show --value --property=Result tracer-record)
[ "$result" = success ] || fail "stopped, its result is $result"
[ "$(calls $recording)" -gt "$before" ] || fail "stopped, it writes nothing new"
[ -s $recording.1 ] || fail "what was written before is gone"
no_instance || fail "stopped, an instance of the function tracer stays"
# What else systemd and the workload have there are BPF programs of cgroups and sockets, which patch no function.
! patched || fail "stopped, functions stay patched: $(head -n 3 /sys/kernel/tracing/enabled_functions)"
