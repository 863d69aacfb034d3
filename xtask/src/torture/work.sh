# Runs in a guest: busy roots, and work below them.

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

