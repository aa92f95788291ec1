#!/bin/sh
# Opens the HTML report and every SVG picture in headless Chromium.
#   tests/browser/run.sh [DIRECTORY]    files to open; by default those the unit tests write
#   tests/browser/run.sh --prepare      only see that all it needs is there; silent if so
# Screenshots and a printed page are left in target/browser/shots/.
# CHROMIUM names the browser. Exit 0 also when it was SKIPPED; the line says why.
# Continuous integration (CI is set) installs what is missing, if it may, and skips nothing then.
set -eu
cd "$(dirname "$0")/../.."
here=tests/browser
pages=${1:-}

skip() {
    echo "browser test: SKIPPED: $1"
    exit 0
}

browser() {
    for name in chromium chromium-browser google-chrome; do
        command -v "$name" && return
    done
    return 1
}

if [ -n "${CI:-}" ] && [ "$(id -u)" -eq 0 ] && command -v apt-get >/dev/null 2>&1; then
    missing=
    browser >/dev/null || missing=chromium
    command -v node >/dev/null 2>&1 || missing="$missing nodejs"
    command -v npm >/dev/null 2>&1 || missing="$missing npm"
    if [ -n "$missing" ]; then
        echo "browser test: apt-get install $missing"
        wait="-o Acquire::http::Timeout=30 -o DPkg::Lock::Timeout=120"
        # shellcheck disable=SC2086
        { apt-get $wait update -qq &&
            DEBIAN_FRONTEND=noninteractive apt-get $wait install -qq -y --no-install-recommends $missing; } >/dev/null ||
            echo "browser test: apt-get could not install $missing"
    fi
fi

command -v node >/dev/null 2>&1 || skip "node is not installed (apt install nodejs npm)"
command -v npm >/dev/null 2>&1 || skip "npm is not installed (apt install npm)"
if [ -z "${CHROMIUM:-}" ]; then
    CHROMIUM=$(browser) || skip "no Chromium is installed (apt install chromium)"
fi
export CHROMIUM

# Just what the lock file names, by its digests; again only when that has changed.
if [ ! "$here/node_modules/.package-lock.json" -nt "$here/package-lock.json" ]; then
    said=$(cd "$here" && PLAYWRIGHT_SKIP_BROWSER_DOWNLOAD=1 npm ci --no-audit --no-fund \
        --fetch-retries=2 --fetch-timeout=60000 2>&1) ||
        skip "npm ci failed: $(echo "$said" | grep -m 1 'npm error' || echo "$said" | tail -n 1)"
    touch "$here/node_modules/.package-lock.json"
fi

if [ "$pages" = --prepare ]; then
    exit 0
fi
if [ -z "$pages" ]; then
    pages=target/browser/pages
    rm -rf "$pages"
    SYNFIN_PAGES="$PWD/$pages" cargo test --quiet --lib write_pages -- --ignored >/dev/null
fi
exec node "$here/run.mjs" "$pages" target/browser/shots
