# What tests of the filters of root calls share.

# run ARGUMENTS...: a trace to /tmp/out that ends well, and whose summary counts what was printed.
run() {
    tracer --learn 0 "$@" >/tmp/out 2>/tmp/err || fail "$*: exit status $?: $(cat /tmp/err)"
    calls=$(check_listing) || fail "$*: $calls"
    said "^tracer: $calls whole calls*" || fail "$*: $calls calls printed, but $(cat /tmp/err)"
}
shown() {
    grep -q "|  $1()" /tmp/out
}
# only FUNCTION OTHER: calls of the one, none of the other.
only() {
    shown "$1" || fail "no $1: $(cat /tmp/out)"
    ! shown "$2" || fail "$2 is there: $(cat /tmp/out)"
}
