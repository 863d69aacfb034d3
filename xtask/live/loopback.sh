# The guest has a loopback interface that is up: the workloads' sockets need it.

ifconfig lo | grep -q 'inet addr:127.0.0.1' || fail "lo has no address"
ifconfig lo | grep -q ' UP ' || fail "lo is down"
