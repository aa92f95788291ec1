#!/bin/sh
# Opens the HTML report and every SVG picture in headless Chromium.
#   tests/browser/run.sh [DIRECTORY]    files to open; by default those the unit tests write
# Screenshots and a printed page are left in target/browser/shots/.
# CHROMIUM names the browser. Exit 0 also when it was SKIPPED; the line says why.
set -eu
cd "$(dirname "$0")/../.."
here=tests/browser
pages=${1:-}

skip() {
    echo "browser test: SKIPPED: $1"
    exit 0
}

command -v node >/dev/null 2>&1 || skip "node is not installed (apt install nodejs npm)"
command -v npm >/dev/null 2>&1 || skip "npm is not installed (apt install npm)"
if [ -z "${CHROMIUM:-}" ]; then
    for name in chromium chromium-browser google-chrome; do
        if CHROMIUM=$(command -v "$name"); then break; fi
    done
fi
[ -n "${CHROMIUM:-}" ] || skip "no Chromium is installed (apt install chromium)"
export CHROMIUM

if [ ! -d "$here/node_modules/axe-core" ] || [ ! -d "$here/node_modules/playwright-core" ]; then
    (cd "$here" && PLAYWRIGHT_SKIP_BROWSER_DOWNLOAD=1 npm install --no-package-lock --no-audit --no-fund >/dev/null 2>&1) ||
        skip "npm could not install playwright-core and axe-core"
fi

if [ -z "$pages" ]; then
    pages=target/browser/pages
    rm -rf "$pages"
    SYNFIN_PAGES="$PWD/$pages" cargo test --quiet --lib write_pages -- --ignored >/dev/null
fi
exec node "$here/run.mjs" "$pages" target/browser/shots
