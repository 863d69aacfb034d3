# Of calls that failed, the path to the function that returned the error first.
# only on 6.12: the path is found in the tree, which is the same on every kernel
# limit: 200

. /live/harness/root_calls.sh

# Twenty failures, each for one reason, which a full listing of each call was read for once: the error, the system call, and the function that
# is the first to return it. The functions above it that are not in /proc/kallsyms are inlined.
mkdir -p /tmp/full /tmp/readonly /tmp/busy/below /tmp/notempty/below
mount -t tmpfs -o size=64k none /tmp/full
mount -t tmpfs -o ro none /tmp/readonly
mount -t tmpfs none /tmp/busy
ln -s loop /tmp/loop
mknod /tmp/no-driver c 60 0
echo 'nobody:x:65534:65534::/tmp:/bin/sh' >>/etc/passwd
echo 'nobody:x:65534:' >>/etc/group
echo secret >/tmp/secret
chmod 600 /tmp/secret
echo nonsense >/tmp/no-module
cp /bin/busybox /tmp/busybox-running
cat >/tmp/failures <<'END'
cat /nowhere
cat /tmp/secret/x
echo x >/tmp
cat /tmp/loop
cat /$(printf '%0300d' 0)
cat /tmp/no-driver
echo x >/tmp/readonly/file
dd if=/dev/zero of=/tmp/full/file bs=128k count=1
(ulimit -n 4; cat /tmp/secret /tmp/secret)
su nobody -c 'cat /tmp/secret'
su nobody -c 'hostname nobody'
/tmp/busybox-running sleep 5 &
usleep 300000
echo x >/tmp/busybox-running
mkdir /tmp
rmdir /tmp/notempty
ln /tmp/secret /tmp/busy/secret
mount -t no-such-type none /tmp/busy
(cd /tmp/busy; umount /tmp/busy)
insmod /tmp/no-module
cat <&77
nc 127.0.0.1 1
nc 203.0.113.1 1
kill -0 4000000
stty </tmp/secret
exit 0
END

roots='openat mkdir rmdir link linkat write dup2 connect mount umount sethostname init_module finit_module kill ioctl'
arguments=
for root in $roots; do
    arguments="$arguments -G $root"
done
tracer record -o /tmp/recording --complete --print --why-failed $arguments -- sh /tmp/failures >/tmp/out 2>/tmp/err ||
    fail "exit status $?: $(cat /tmp/err)"
cat /tmp/err /tmp/out
for error in ENOENT ENOTDIR EISDIR ELOOP ENAMETOOLONG ENXIO EROFS ENOSPC EMFILE EACCES EPERM ETXTBSY EEXIST ENOTEMPTY EXDEV ENODEV EBUSY ENOEXEC EBADF ECONNREFUSED ENETUNREACH ESRCH ENOTTY; do
    echo "=== $error"
    tracer replay /tmp/recording --failed=$error --graph-opts noirqs 2>&1 | awk '/^ [0-9]*)[^|]*\|  [^ }]/ { n++ } n < 2' | head -n 500
done
