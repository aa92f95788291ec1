#!/bin/sh
# How steady the labs are: all of them RUNS times on a busy machine, as who calls this and, where
# that is root, as nobody too. Prints a table in Markdown of those that did not pass, or had not the
# same shape, each time.
#
#     tests/steady.sh [BINARY [RUNS [-6]]]   target/release/synfin, 20
set -eu
binary=${1:-target/release/synfin}
runs=${2:-20}
six=${3:-}
dir=$(mktemp -d)
busy=
# Ends the processes that this started, and nothing else.
finish() {
    for pid in $busy; do kill "$pid" 2>/dev/null || true; done
    rm -rf "$dir"
}
trap finish EXIT
trap 'exit 130' INT TERM
chmod 755 "$dir"
cp "$binary" "$dir/synfin"

users=$(id -un)
[ "$(id -u)" != 0 ] || users='root nobody'
cores=$(nproc)
for _ in $(seq "$cores"); do
    (while :; do :; done) &
    busy="$busy $!"
done

for run in $(seq "$runs"); do
    for user in $users; do
        if [ "$user" = nobody ]; then
            (cd / && setpriv --reuid 65534 --regid 65534 --clear-groups "$dir/synfin" lab run all $six) \
                >"$dir/$user.$run" 2>&1 || true
        else
            "$dir/synfin" lab run all $six >"$dir/$user.$run" 2>&1 || true
        fi
        echo "run $run as $user: $(grep 'labs passed' "$dir/$user.$run")" >&2
    done
done

echo "$runs runs each, $cores of $cores cores busy besides, load $(cut -d' ' -f1-3 /proc/loadavg), Linux $(uname -r)"
echo
for user in $users; do
    # ✓ NAME 5/5 claims, 11 packets, shape 0123abcd
    cat "$dir/$user".* | awk -v runs="$runs" -v user="$user" '
        ($1 == "✓" || $1 == "✗") && $(NF - 1) == "shape" {
            if (!($2 in all)) { order[++n] = $2 }
            all[$2]++
            passed[$2] += ($1 == "✓")
            packets = ++count[$2 "," $(NF - 3)]
            if (packets > most[$2]) { most[$2] = packets }
            shape = ++shapes[$2 "," $NF]
            if (shape > same[$2]) { same[$2] = shape }
        }
        END {
            for (i = 1; i <= n; i++) {
                lab = order[i]
                good += (passed[lab] == runs)
                steady += (most[lab] == runs)
                exact += (same[lab] == runs)
                if (passed[lab] != runs || same[lab] != runs) {
                    rows = rows sprintf("| %s | %s | %d/%d | %d/%d | %d/%d |\n",
                        user, lab, passed[lab], runs, most[lab], runs, same[lab], runs)
                }
            }
            printf "As %s: %d of %d labs passed %d/%d; %d had as many packets each time, %d the same shape.\n\n",
                user, good, n, runs, runs, steady, exact
            if (rows != "") {
                printf "| user | lab | passed | same number of packets | same shape |\n|---|---|---:|---:|---:|\n%s\n", rows
            }
        }'
    cat "$dir/$user".* | grep '^✗' | sort | uniq -c | sed 's/^/    /' || true
done
