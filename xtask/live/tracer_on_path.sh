# The static binary starts in a guest that has no libraries.

command -v tracer || fail "tracer is not on PATH"
tracer --help >/tmp/help || fail "tracer --help: exit status $?"
[ -s /tmp/help ] || fail "tracer --help prints nothing"
