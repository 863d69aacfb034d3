# A function that jumps to another at its end calls it, though the stack has the probes' own part of the kernel for the caller.
# limit: 240
# only on 6.12: fprobe's rethook is the caller there; growth finds what trampolines jump to elsewhere

# inet_sendmsg jumps to what a pointer says.
trace -v --gentle --no-cache -G inet_sendmsg --graph-opts noirqs -- tracer workload sockmap --interval-us 20000
within 60 grep -q '|    tcp_bpf_sendmsg()' /tmp/out || fail "tcp_bpf_sendmsg is not in the graph: $(cat /tmp/err)"
kill -INT $tracer
ends_with 0
nothing_left 60
