#!/bin/busybox sh
# The guest's init: makes the machine usable, runs one command, and reports to the host.
#
# Three channels lead to the host: the command's stdout, its stderr, and a control channel with one
# line, `status N`. They are virtio ports where the kernel has a driver for them, else serial ports.
# The command writes into pipes, so that it sees no terminal and nothing rewrites its line ends.
# When it has ended and the pipes are empty, the host's token goes down both channels and into the
# kernel log: what follows a token is not the command's, and what the kernel said while the command
# ran stands before it. The host then ends the machine.

export PATH=/bin HOME=/root TERM=linux LC_ALL=C
/bin/busybox mount -t proc proc /proc
# It asks /proc where it lies itself.
/bin/busybox --install -s /bin
mount -t sysfs sysfs /sys
mount -t devtmpfs devtmpfs /dev
mkdir -p /dev/pts /dev/shm
mount -t devpts devpts /dev/pts
mount -t tmpfs tmpfs /dev/shm
mount -t tmpfs tmpfs /tmp
mount -t tmpfs tmpfs /run
mount -t debugfs debugfs /sys/kernel/debug
mount -t tracefs tracefs /sys/kernel/tracing
mount -t bpf bpf /sys/fs/bpf
mount -t cgroup2 cgroup2 /sys/fs/cgroup
ln -s /proc/self/fd /dev/fd
ifconfig lo 127.0.0.1 up
hostname guest
unxz /modules/*.xz 2>/dev/null
for module in /modules/*.ko; do
    [ -e "$module" ] && insmod "$module"
done
# Others the kernel asks for by itself.
if [ -d /lib/modules ]; then
    unxz /lib/modules/*/*.xz 2>/dev/null
    depmod
    echo /bin/modprobe >/proc/sys/kernel/modprobe
fi
cd /root || exit

if [ -e /etc/shell ]; then
    setsid cttyhack sh
    poweroff -f
fi

# Prints the device of the virtio port with a name, once there is one. Ports get their names a while
# after the bus was probed.
virtio_port() {
    tries=0
    while [ $tries -lt 50 ]; do
        for port in /sys/class/virtio-ports/*; do
            if [ -e "$port/name" ] && [ "$(cat "$port/name")" = "$1" ]; then
                echo "/dev/${port##*/}"
                return
            fi
        done
        tries=$((tries + 1))
        usleep 20000
    done
    return 1
}

serial_port() {
    stty -F "$1" raw -echo
    echo "$1"
}

if [ -n "$(ls /sys/bus/virtio/devices)" ] && out=$(virtio_port stdout); then
    err=$(virtio_port stderr)
    control=$(virtio_port control)
else
    out=$(serial_port /dev/ttyS1)
    err=$(serial_port /dev/ttyS2)
    control=$(serial_port /dev/ttyS3)
fi
exec 4>"$out" 5>"$err" 6>"$control"
echo ready >&6

# Runs the command, and tells the host how it ended.
serve() {
    mkfifo /run/out /run/err
    cat /run/out >&4 &
    out_copier=$!
    cat /run/err >&5 &
    err_copier=$!

    sh /etc/command </dev/null >/run/out 2>/run/err 4>&- 5>&- 6>&-
    status=$?

    # Something that the command left behind may hold the pipes forever.
    (sleep 5; kill $out_copier $err_copier) 2>/dev/null 4>&- 5>&- 6>&- &
    wait $out_copier
    wait $err_copier

    read -r token </etc/token
    printf %s "$token" >&4
    printf %s "$token" >&5
    echo "<1>$token" >/dev/kmsg
    echo "status $status" >&6
}

# A guest with a system of its own has that as process 1, and the command beside it.
if [ -x /usr/lib/systemd/systemd ]; then
    serve &
    exec /usr/lib/systemd/systemd 4>&- 5>&- 6>&-
fi
serve
# The host ends the machine. An init that returns would be a kernel panic.
while :; do sleep 60; done
