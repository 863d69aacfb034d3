# What was learned is kept for the next trace, and only what is whole is used.
# only on 6.12: files that tracer alone reads and writes

drive unix 10000
plan="$TRACER_CACHE_DIR/*/unix_stream_sendmsg.plan"
trace --learn 500ms -G unix_stream_sendmsg
hear 'tracer: learned [1-9]' 30
# Even of a trace that ends before it begins.
kill -INT $tracer
ends_with 0
grep -q '^[0-9]* sock_alloc_send_pskb$' $plan || fail "not kept: $(cat $plan)"
tracer list -G unix_stream_sendmsg >/tmp/out 2>/tmp/err || fail "list: exit status $?: $(cat /tmp/err)"
grep -q '^sock_alloc_send_pskb  *known from before, seen [1-9]' /tmp/out || fail "list: $(cat /tmp/out)"
kill $workload
wait $workload || fail "the workload: $(cat /tmp/workload.err)"

# Damaged or cut off, it is not used, and said to be so.
cp $plan /tmp/plan
for damage in 's/sock_alloc/sock_xlloc/' '$d'; do
    sed -i "$damage" $plan
    tracer list -G unix_stream_sendmsg --learn 0 >/tmp/out 2>/tmp/err || fail "$damage: exit status $?: $(cat /tmp/err)"
    [ "$(grep -c 'plan is not used: ' /tmp/err)" = 1 ] || fail "$damage: $(cat /tmp/err)"
    ! grep 'known from before' /tmp/out || fail "$damage: it is used"
    cp /tmp/plan $plan
done
tracer list -G unix_stream_sendmsg --learn 0 --no-cache >/tmp/out 2>/tmp/err || fail "--no-cache: exit status $?: $(cat /tmp/err)"
! grep 'known from before' /tmp/out || fail "--no-cache: it is used"
within 20 no_instance || fail "an instance of the function tracer is left"
