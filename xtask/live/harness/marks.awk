# Events of a listing within root calls, a line each: what was recorded, and the open calls, outermost first. Two runs over a listing
# are needed to leave out functions that another does not have: `names=FILE` is where the first writes those that it finds, `known=FILE`
# has those that are kept in the second. `columns` is how many stand before the function; `root` begins a root call.
BEGIN {
    if (known) while ((getline name <known) > 0) is_known[name] = 1
}
/^#/ || /=====/ || !/\|/ { next }
{
    text = $0
    task = ""
    flags = ""
    for (column = 1; column <= columns; column++) {
        end = index(text, "|")
        cell = substr(text, 1, end - 1)
        if (columns > 1 && column == 1) task = cell
        if (columns > 1 && column == 2) flags = cell
        text = substr(text, end + 1)
    }
    sub(/^.*\) +/, "", task)
    sub(/^ +/, "", text)
    sub(/ +$/, "", text)
}
flags ~ /[hHzZ]/ && text ~ /^\/\*/ { next }
text ~ /^\/\* [a-zA-Z_0-9]+: / {
    if (!(task in depth) || depth[task] == 0) next
    path = ""
    for (at = 1; at <= depth[task]; at++) {
        name = open[task, at]
        if (!known || name in is_known) path = path " " name
    }
    print text " in" path
    next
}
text ~ /^[}]/ { if (depth[task] > 0) depth[task]--; next }
text ~ /[(].*[)] ?[{;]/ {
    name = text
    sub(/\(.*/, "", name)
    if (names) print name >names
    if (text ~ /[{]( \/[*].*)?$/ && (depth[task] > 0 || name == root)) open[task, ++depth[task]] = name
}
