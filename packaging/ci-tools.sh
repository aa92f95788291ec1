#!/bin/sh
# What the tests can use beside Rust, for continuous integration: what is missing is installed, as
# far as this user may, so that there nothing is skipped. Nobody needs this to build synfin; a
# test that lacks something says so.
set -eu

say() { echo "ci: $*"; }

# A program that shows whether a package is there, and the package.
packages='ip:iproute2 tshark:tshark tcpdump:tcpdump tmux:tmux valgrind:valgrind zstd:zstd chromium:chromium node:nodejs npm:npm'
missing=
for pair in $packages; do
    command -v "${pair%%:*}" >/dev/null 2>&1 || missing="$missing ${pair#*:}"
done
if [ -n "$missing" ]; then
    if [ "$(id -u)" -eq 0 ] && command -v apt-get >/dev/null 2>&1; then
        say "apt-get install$missing"
        export DEBIAN_FRONTEND=noninteractive
        wait='-o Acquire::http::Timeout=30 -o DPkg::Lock::Timeout=120'
        # shellcheck disable=SC2086
        apt-get $wait update -qq || true
        for package in $missing; do
            # One by one: what cannot be had must not keep the others away.
            # shellcheck disable=SC2086
            apt-get $wait install -qq -y --no-install-recommends "$package" >/dev/null 2>&1 ||
                say "$package could not be installed; the tests say what they skip"
        done
    else
        say "missing, and not installed without root and apt-get:$missing"
    fi
fi

# Built without optimisation: each runs once.
export CARGO_PROFILE_RELEASE_OPT_LEVEL=0 CARGO_PROFILE_RELEASE_LTO=off
if ! cargo deny --version >/dev/null 2>&1; then
    say "cargo install cargo-deny"
    cargo install --quiet --locked cargo-deny || say "cargo-deny could not be installed; licences are skipped"
fi
if ! command -v gungraun-runner >/dev/null 2>&1; then
    say "cargo install gungraun-runner"
    cargo install --quiet --locked gungraun-runner --version 0.20.0 ||
        say "gungraun-runner could not be installed; instruction counts are skipped"
fi
