# Which functions usual work calls, for the order in which they are attached (tracer-user/src/attach/buckets.rs): one a line, what is called most first,
# where each kind of work counts the same, however much of it there is. Run on 6.18; the names
# are in the lines that begin with "usual ":
#
#     cargo xtask vm --smp 1 --kernel 6.18 --file xtask/src/bench/usual.sh -- sh usual.sh

T=/sys/kernel/tracing
echo 8000 >$T/buffer_size_kb
echo function >$T/current_tracer
echo 0 >$T/tracing_on
: >/tmp/all
seen() {
    echo >$T/trace
    echo 1 >$T/tracing_on
    sh -c "$1" >/dev/null 2>&1 </dev/null
    echo 0 >$T/tracing_on
    awk '!/^#/ && / <-/ { sub(/.*[0-9]: /, ""); sub(/ <-.*/, ""); calls[$0]++; all++ } END { for (name in calls) print calls[name] * 1000000 / all, name }' $T/trace >>/tmp/all
}
mkdir -p /tmp/w; cd /tmp/w
ip link set lo up
seen 'tracer workload unix --size 1 --interval-us 2000 --count 20'
seen 'tracer workload tcp --size 1 --interval-us 2000 --count 20'
seen 'tracer workload udp --size 1 --interval-us 2000 --count 20'
seen 'sleep 0.3'
seen 'true'
seen 'mkdir a a/b; touch a/b/c; ls -l a a/b; mv a/b/c a/d; ln -s d a/e; cat a/d; stat a/d; rm -r a'
seen 'dd if=/dev/zero of=x bs=4096 count=40; cp x y; sync; rm x y'
seen 'yes | head -n 2000 | wc -l'
seen 'ps; df; mount; cat /proc/meminfo /proc/stat /proc/self/maps'
seen 'find /sys/class /proc/self -maxdepth 2'
seen 'mount -t tmpfs none /mnt; umount /mnt; chmod 600 /tmp/w; chown 1 /tmp/w'
seen 'ip addr add 10.9.9.9/24 dev lo; ip addr; ip link; ip route'
seen 'sleep 5 & kill $!; wait; kill -0 $$; (trap : USR1; kill -USR1 $$)'
seen 'head -c 300000 /dev/urandom | gzip | gunzip | md5sum'
seen 'awk "BEGIN { for (i = 0; i < 60000; i++) a[i] = i \"x\" }"'
seen 'nc -l -p 7777 >/dev/null & sleep 0.1; echo hello | nc 127.0.0.1 7777; nc 127.0.0.1 7778'
seen 'for i in 1 2 3 4 5 6 7 8; do usleep 1000; done; : | : | cat; echo x >p; cat <p; flock p true; mkfifo f; rm f p'
seen 'tracer workload unix --size 9000 --interval-us 100 --count 200'
seen 'dd if=/dev/zero of=/dev/null bs=1 count=2000'
echo nop >$T/current_tracer
awk '{ share[$2] += $1 } END { for (name in share) printf "%d %s\n", share[name], name }' /tmp/all |
    sort -k1,1rn -k2,2 | head -n 2048 | sed 's/.* /usual /'
