# Runs in a guest: attaches groups of functions below busy roots, one group after the other, under workloads.
#
#     guest.sh WAY GROUP...
#
# Each group is a file of names. Prints `begin GROUP` before anything is attached, `end GROUP FUNCTIONS ATTACHED EVENTS` when all is let go,
# and `failed GROUP REASON` if tracer has failed. A group that begins and does not end is the host's business.

way=$1
shift

# What is in the kernel when a call is traced differs by root: sockets, files, pipes, tasks that are born and die.
roots='-G sendto -G recvfrom -G __x64_sys_openat -G ksys_read -G ksys_write -G kernel_clone -G do_exit -G do_sys_poll -G __x64_sys_mmap
-G __x64_sys_execve -G __x64_sys_wait4 -G __x64_sys_epoll_wait -G __x64_sys_unlink -G __x64_sys_nanosleep'

# Some of each, one after the other; what a group has broken need not show at once.
work() {
    for kind in tcp udp unix sockmap files memory threads; do
        tracer workload $kind --count 40 --interval-us 500 || return
    done
    tracer workload sleep --count 3 --interval-us 10000 || return
    tracer workload tasks --count 60 || return
    tracer workload epoll --count 40 || return
    for round in 1 2 3 4 5; do
        dd if=/dev/zero of=/tmp/work bs=64k count=8 && cat /tmp/work | wc -c && rm /tmp/work && ls -lR /proc/self /sys/kernel/tracing/options
        mount -t tmpfs tmpfs /mnt && mkdir /mnt/a && ln -s a /mnt/b && touch /mnt/b/c && mv /mnt/a/c /mnt/a/d && umount /mnt
    done
    sleep 0.2
}

mkdir -p /mnt
for group; do
    echo "begin $group"
    : >/tmp/err
    tracer --attach "$way" --no-cache --functions "/groups/$group" $roots --ring-size 1024 -o /dev/null 2>/tmp/err &
    tracer=$!
    until grep -q 'tracer: tracing' /tmp/err || ! kill -0 $tracer 2>/dev/null; do usleep 50000; done
    work >/dev/null 2>/tmp/work.err </dev/null || echo "failed $group the workload: $(tail -n 1 /tmp/work.err)"
    kill -INT $tracer
    status=0
    wait $tracer || status=$?
    # Pairs go behind the prompt.
    while pidof tracer-detach >/dev/null; do usleep 100000; done
    if [ $status = 0 ]; then
        echo "end $group $(wc -l <"/groups/$group") $(sed -n 's/^tracer: tracing .*, \([0-9]*\) functions below$/\1/p' /tmp/err)" \
            "$(sed -n 's/^tracer: .* partial, \([0-9]*\) events.*/\1/p' /tmp/err)"
    else
        echo "failed $group exit status $status: $(grep -v DEBUG /tmp/err | tail -n 1)"
    fi
    grep 'does not accept' /tmp/err | sed "s/^/refused $group /"
done
