# Of calls that failed, the path to the function that returned the error first.
# only on 6.12: the path is found in the tree, which is the same on every kernel
# limit: 240

. /live/harness/root_calls.sh

# More than twenty commands, each of which fails for one reason.
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
(ulimit -n 3; cat /tmp/secret)
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
tracer record -o /tmp/recording --complete --print --why-failed --graph-opts noirqs $arguments -- sh /tmp/failures >/tmp/out 2>/tmp/err ||
    fail "exit status $?: $(cat /tmp/err)"

# The error and the last line of each failed call. The root has no space before its name.
awk '
    /\|  / {
        name = $0
        sub(/.*\|  /, "", name)
        if (name !~ /^ / && error != "") print error, last
        if (name !~ /^ / && match(name, /\([A-Z][A-Z]*\)/)) error = substr(name, RSTART + 1, RLENGTH - 2)
        sub(/^ */, "", name)
        sub(/\(.*/, "", name)
        last = name
    }
    END { print error, last }
' /tmp/out | sort -u >/tmp/last

# Who returned each error first, as it was read in full listings of the calls on 6.12: no call further down returned it.
while read -r error function; do
    grep -q "^$error $function" /tmp/last || fail "$error does not end at $function: $(grep "^$error " /tmp/last | tr '\n' ' '): $(cat /tmp/out)"
done <<END
ENOENT step_into
ENOTDIR link_path_walk
EISDIR path_openat
ELOOP step_into
ENAMETOOLONG simple_lookup
ENXIO chrdev_open
EROFS mnt_get_write_access
ENOSPC shmem_inode_acct_blocks
EMFILE alloc_fd
EACCES generic_permission
EPERM cap_capable
ETXTBSY do_dentry_open
EEXIST filename_create
ENOTEMPTY shmem_rmdir
EXDEV do_linkat
ENODEV path_mount
EBUSY path_umount
ENOEXEC load_module
EBADF ksys_dup3
ECONNREFUSED __inet_stream_connect
ENETUNREACH ip_route_output_key_hash_rcu
ESRCH kill_pid_info_type
ENOTTY ${sys}ioctl
END

# `capable` is false, and the path goes through it; the arguments are there if they are asked for; a list of errors is one of errors.
tracer replay /tmp/recording --why-failed --graph-opts noirqs >/tmp/again 2>/tmp/err
cmp /tmp/out /tmp/again || fail "a replay shows other paths"
tracer replay /tmp/recording --failed=EPERM,ESRCH --why-failed >/tmp/out 2>/tmp/err
grep -q '|    ns_capable(); /\* = false' /tmp/out || fail "the path does not go through ns_capable: $(cat /tmp/out)"
[ "$(grep -c '|  [^ ]' /tmp/out)" = 2 ] || fail "not two root calls: $(cat /tmp/out)"
