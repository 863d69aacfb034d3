# Prints the functions that the work calls, as tracer learns them. It ends when a sampling window finds nothing new, which may be before all of the work has had its
# turn: so more than once.

while :; do work; done >/dev/null 2>&1 </dev/null &
for round in 1 2 3; do
    tracer list $roots --learn 2m --no-cache
done
kill $!
