# As `kills`, five times each.
# limit: 900
# only when named

rounds=5
. /live/kills.sh
