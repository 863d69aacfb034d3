# What every live test has: it stops at the first command that fails, and says why in its last line.

set -eu

# The test fails, and this is why.
fail() {
    echo "$*"
    exit 1
}

# The test cannot run on this kernel, which lacks something.
skip_without() {
    echo "needs $*"
    exit 77
}
