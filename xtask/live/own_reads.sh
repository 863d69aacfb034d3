# A root that tracer's own learning calls: it reads rings, by vfs_read, into which nothing of that may be written.
# only on 6.12: what tracer excludes from its own rings
# limit: 180

drive files
# On one CPU: a reader that moves to another no longer adds to the ring that it reads.
taskset -p 1 $$ >/dev/null || fail "no taskset"
trace --learn 2s -G vfs_read --graph-opts noirqs -n 20
hear 'tracer: learned [1-9][0-9]* functions* from [1-9]' 60
ends_with 0
said 'tracer: 20 whole calls' || fail "$(grep whole /tmp/err)"
! grep 'tracer-' /tmp/out || fail "a task of tracer's own is traced"
kill $workload
wait $workload || fail "the workload: $(cat /tmp/workload.err)"
nothing_left
