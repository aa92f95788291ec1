#!/bin/sh
# Draws the pictures of the README into docs/pictures/: `make pictures`.
#   docs/pictures.sh SYNFIN
# Ladders, headers and graphs are what the program writes; the report and the browser are
# photographed, in Chromium and in tmux.
set -eu
synfin=$(realpath "$1")
cd "$(dirname "$0")/.."
out=docs/pictures
work=target/pictures
mkdir -p "$out" "$work"
unset NO_COLOR

skip() { echo "pictures: SKIPPED $1"; }

# Of captures that come along, so that they are the same each time.
"$synfin" replay captures/retransmission.pkt --stream 0 --view ladder --format svg >"$out/ladder.svg"
"$synfin" replay captures/chat-lo.pcapng --packet 1 --view headers --format svg >"$out/headers.svg"
"$synfin" replay captures/echo-lo.pcap --format html >"$work/report.html"

# Of labs, where they can run.
if "$synfin" lab run fast-retransmit --view ladder --format svg >"$work/lab.svg" 2>/dev/null; then
    mv "$work/lab.svg" "$out/ladder-lab.svg"
    "$synfin" lab run congestion-cubic --graph time-sequence --format svg >"$out/graph.svg" 2>/dev/null
    "$synfin" lab run congestion-cubic --graph flight --format svg >"$out/graph-window.svg" 2>/dev/null
    "$synfin" lab run fast-retransmit --format html >"$work/report.html" 2>/dev/null
else
    skip "the pictures of labs: synfin doctor tells why none runs here"
fi

if ! tests/browser/run.sh --prepare >"$work/prepare" || [ -s "$work/prepare" ]; then
    skip "the photographs: $(cat "$work/prepare")"
    exit 0
fi
CHROMIUM=${CHROMIUM:-$(command -v chromium || command -v chromium-browser || command -v google-chrome)}
export CHROMIUM
shoot() { node tests/browser/shoot.mjs "$@"; }
SCALE=0.7 shoot "$work/report.html" "$out/report-light.png" light 1280 2200
SCALE=0.7 shoot "$work/report.html" "$out/report-dark.png" dark 1280 2200

if command -v tmux >/dev/null 2>&1; then
    terminal() { tmux -L synfin-pictures -f /dev/null "$@"; }
    # Waits until the screen shows it; a picture that never comes is told by its absence.
    shows() {
        for _ in $(seq 300); do
            terminal capture-pane -p -t "$1" | grep -q "$2" && return
        done
        echo "pictures: $1 does not show $2" >&2
        exit 1
    }
    trap 'terminal kill-server 2>/dev/null || true' EXIT
    terminal new-session -d -s browse -x 120 -y 36 "$synfin" browse captures/chat-lo.pcapng
    shows browse 'tcp:0: 26 packets'
    terminal send-keys -t browse Enter J J J
    shows browse '4: 79 octets\|packet 4\|Frame 4\|frame 4'
    terminal capture-pane -e -p -t browse >"$work/browse.ansi"
    shoot "$work/browse.ansi" "$out/browse.png" dark 1200 800
else
    skip "the browser in a terminal: tmux is not installed"
fi
ls -l "$out"
