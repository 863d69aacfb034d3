# Prints the functions that the work calls, as tracer learns them.

while :; do work; done >/dev/null 2>&1 </dev/null &
tracer list $roots --learn 30s --no-cache
kill $!
