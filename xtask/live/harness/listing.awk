# Reads a listing in ftrace's form. Every call must close at the depth where it opened, and every call
# must be one level below the one around it. Prints the number of root calls of which nothing is missing.
#
# -v inside='A>B C>D' also demands that, in as many of these root calls as -v at_least says, some
# call of B lies anywhere within a call of A, and so on.

function problem(words) {
    print "line " NR ": " words ": " $0
    bad = 1
    exit 1
}

# A root call has ended: if it is whole, it has what is demanded, or not.
function root_ends(    i) {
    if (!partial) {
        roots++
        for (i = 1; i <= demands; i++) {
            if (!(i in found)) {
                missing[i]++
            }
        }
    }
    partial = 0
    delete found
}

function entered(name,    i, d) {
    for (i = 1; i <= demands; i++) {
        if (name == inner[i]) {
            for (d = 0; d < depth; d++) {
                if (stack[d] == outer[i]) {
                    found[i] = 1
                }
            }
        }
    }
}

BEGIN {
    demands = split(inside, pairs, " ")
    for (i = 1; i <= demands; i++) {
        split(pairs[i], names, ">")
        outer[i] = names[1]
        inner[i] = names[2]
    }
    depth = 0
    roots = 0
}

/^#/ || /^ -+$/ || /=>/ || /^$/ { next }

{
    # The last one: a verbose listing has more of them. Flags have bars between them, but no spaces behind.
    if (!match($0, /.*[|]  /)) {
        problem("no call")
    }
    text = substr($0, RLENGTH + 1)
    match(text, /^ */)
    level = RLENGTH / 2
    text = substr(text, RLENGTH + 1)
    # Where a function belongs is no part of its name here.
    gsub(/ \[[A-Za-z0-9_]+\]/, "", text)
    # Nor is who made the call a part of it.
    sub(/[{] \/\* <-[^ ]+ \*\/$/, "{", text)
    name = text
    sub(/\(.*/, "", name)
    if (text ~ /(not seen|did not return|events lost) \*\//) {
        partial = 1
    }
    if (text ~ /^\/\* (the task died here|the end of this call was lost|tracing ended here) /) {
        partial = 1
        depth = 0
        root_ends()
        next
    }
    if (text ~ /^\/\*/) {
        # A gap.
        next
    }
    if (text ~ /^[}]/) {
        depth--
        if (level != depth) {
            problem("closes at " level " what was opened at " depth)
        }
        sub(/ \/\* off-cpu .*/, "", text)
        if (match(text, /\/\* [^ :]+/) && substr(text, RSTART + 3, RLENGTH - 3) != stack[depth]) {
            problem("closes another function than " stack[depth])
        }
        if (depth == 0) {
            root_ends()
        }
        next
    }
    if (level != depth) {
        problem("is at " level " inside of " depth " calls")
    }
    entered(name)
    if (text ~ /^[^ (]+\(.*\) [{]$/) {
        stack[depth] = name
        depth++
    } else if (text ~ /^[^ (]+\(.*\);/) {
        if (depth == 0) {
            root_ends()
        }
    } else {
        problem("is no call")
    }
}

END {
    if (bad) {
        exit 1
    }
    if (depth > 0) {
        print depth " calls are not closed"
        exit 1
    }
    if (roots < at_least) {
        print "only " roots " of the root calls are whole"
        exit 1
    }
    for (i = 1; i <= demands; i++) {
        if (roots - missing[i] < at_least) {
            print inner[i] " is not inside of " outer[i] " in " missing[i] + 0 " of " roots " root calls"
            exit 1
        }
    }
    print roots
}
