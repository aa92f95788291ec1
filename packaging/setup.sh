#!/bin/sh
# Makes sure that synfin can be built here: libpcap with its headers, a C linker, and
# rustfmt and clippy for `make test`. Says what it does; does nothing where nothing is missing.
set -eu

say() { echo "setup: $*"; }
give_up() {
    say "$1" >&2
    exit 1
}

have_pcap() {
    for linker in cc gcc clang; do
        command -v "$linker" >/dev/null 2>&1 || continue
        echo '#include <pcap/pcap.h>
int main(void) { return pcap_lib_version() == 0; }' |
            "$linker" -x c -o /dev/null - -lpcap >/dev/null 2>&1
        return
    done
    return 1
}

as_root() {
    if [ "$(id -u)" -eq 0 ]; then
        "$@"
    elif command -v sudo >/dev/null 2>&1; then
        say "sudo $*"
        sudo "$@"
    else
        give_up "libpcap's headers are missing. Run as root: $*"
    fi
}

if ! have_pcap; then
    say "libpcap's headers or a C linker are missing: installing them"
    if command -v apt-get >/dev/null 2>&1; then
        as_root apt-get update -qq
        as_root env DEBIAN_FRONTEND=noninteractive apt-get install -qq -y --no-install-recommends libpcap-dev gcc libc6-dev
    elif command -v dnf >/dev/null 2>&1; then
        as_root dnf install -q -y libpcap-devel gcc
    elif command -v pacman >/dev/null 2>&1; then
        as_root pacman -S --noconfirm --needed libpcap gcc
    elif command -v apk >/dev/null 2>&1; then
        as_root apk add libpcap-dev gcc musl-dev
    else
        give_up "install libpcap with its headers (libpcap-dev, libpcap-devel) and a C compiler, then try again"
    fi
    have_pcap || give_up "libpcap's headers are still missing: cc cannot build a program with <pcap/pcap.h> and -lpcap"
fi

command -v cargo >/dev/null 2>&1 || give_up "Rust is missing: https://rustup.rs (1.90 or later)"

for component in rustfmt clippy; do
    case $component in rustfmt) tool=fmt ;; *) tool=clippy ;; esac
    if ! cargo "$tool" --version >/dev/null 2>&1; then
        command -v rustup >/dev/null 2>&1 ||
            give_up "cargo $tool is missing: install your distribution's package for it"
        say "rustup component add $component"
        rustup component add "$component"
    fi
done
