#!/bin/bash
# Installs the .deb in a clean Debian root and runs it there as an ordinary user.
#
#   sudo packaging/test-deb.sh target/debian/synfin_*.deb [SUITE] [MIRROR]
#
# Needs root, debootstrap and a Debian mirror. Everything is in mount, process and
# network namespaces of its own, and gone at the end.
set -euo pipefail

deb=$(readlink -f "${1:?which .deb?}")
suite=${2:-bookworm}
mirror=${3:-http://deb.debian.org/debian}
here=$(readlink -f "$(dirname "$0")/..")

if [ -z "${SYNFIN_TEST_ROOT:-}" ]; then
    root=$(mktemp -d)
    trap 'rm -rf --one-file-system "$root"' EXIT
    debootstrap --variant=minbase "$suite" "$root/debian" "$mirror" > "$root/log" ||
        { tail -n 20 "$root/log"; exit 1; }
    cp /etc/resolv.conf "$root/debian/etc/resolv.conf"
    cp "$deb" "$root/debian/tmp/synfin.deb"
    mkdir "$root/debian/tmp/captures"
    find "$here/captures" -maxdepth 2 -name '*.pcap*' -size -1M -exec cp -t "$root/debian/tmp/captures" {} + || true
    SYNFIN_TEST_ROOT=$root unshare --mount --pid --fork --kill-child "$0" "$@"
    echo "test-deb: passed on $suite"
    exit 0
fi

root=$SYNFIN_TEST_ROOT/debian
mount -t proc proc "$root/proc"
mount -t sysfs -o ro sysfs "$root/sys" || true
mount --bind /dev "$root/dev"

step() { echo "== $*"; }
fail() { echo "test-deb: FAILED: $*" >&2; exit 1; }
in_root() { chroot "$root" /usr/bin/env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin LC_ALL=C.UTF-8 DEBIAN_FRONTEND=noninteractive "$@"; }
as_user() { in_root setpriv --reuid 1000 --regid 1000 --clear-groups env HOME=/home/student "$@"; }

step "install, with its dependencies from the mirror"
in_root apt-get update -qq
in_root apt-get install -y --no-install-recommends /tmp/synfin.deb
in_root useradd -u 1000 -m student

step "what was installed"
in_root dpkg -L synfin
in_root dpkg --verify synfin
for file in /usr/bin/synfin /usr/share/man/man1/synfin.1.gz /usr/share/bash-completion/completions/synfin \
    /usr/share/zsh/vendor-completions/_synfin /usr/share/fish/vendor_completions.d/synfin.fish \
    /usr/share/doc/synfin/copyright; do
    # minbase drops documentation only when told to; the manual and completions must be there.
    in_root dpkg -L synfin | grep -qxF "$file" || fail "no $file in the package"
done
missing=$(in_root ldd /usr/bin/synfin | grep 'not found' || true)
[ -z "$missing" ] || fail "$missing"
in_root getcap /usr/bin/synfin | grep -q cap_net_raw || fail "no capability on /usr/bin/synfin"

step "as an ordinary user"
as_user synfin --version
as_user synfin --help > /dev/null
as_user bash -n /usr/share/bash-completion/completions/synfin
as_user synfin doctor || true
for capture in "$root"/tmp/captures/*.pcap*; do
    [ -e "$capture" ] || continue
    status=0
    as_user synfin replay "/tmp/captures/$(basename "$capture")" > /dev/null || status=$?
    [ "$status" -le 1 ] || fail "replay of $(basename "$capture"): status $status"
done

step "a live capture as an ordinary user, in a network of its own"
unshare --net bash -euo pipefail -c '
    ip link set lo up 2>/dev/null || chroot "$0" /bin/sh -c "ip link set lo up"
    user=(chroot "$0" /usr/bin/env -i PATH=/usr/bin:/bin setpriv --reuid 1000 --regid 1000 --clear-groups)
    "${user[@]}" synfin serve echo > "$0/tmp/serve.log" 2>&1 &
    server=$!
    "${user[@]}" synfin capture -i lo --for 5s -w /home/student/lo.pcapng port 1898 > "$0/tmp/capture.log" 2>&1 &
    capture=$!
    # Until the capture runs and the server answers, at most 5 s.
    for _ in $(seq 50); do
        echo hello | "${user[@]}" synfin talk tcp 127.0.0.1:1898 > /dev/null 2>&1 || true
        [ -d /proc/$capture ] || break
    done
    wait $capture || { cat "$0/tmp/capture.log"; exit 1; }
    kill $server
    cat "$0/tmp/capture.log"
    [ -s "$0/home/student/lo.pcapng" ] || { echo "nothing was captured"; exit 1; }
    "${user[@]}" synfin replay /home/student/lo.pcapng | grep -q 1898
' "$root" || fail "live capture"

step "the administrator says no"
sed -i s/CAPTURE_WITHOUT_SUDO=yes/CAPTURE_WITHOUT_SUDO=no/ "$root/etc/default/synfin"
in_root dpkg-reconfigure synfin
[ -z "$(in_root getcap /usr/bin/synfin)" ] || fail "the capability stayed"
status=0
as_user synfin capture -i lo -c 1 2> "$root/tmp/refused" || status=$?
[ "$status" -eq 1 ] || fail "a capture without privilege ended with $status"
grep -q setcap "$root/tmp/refused" || fail "no advice: $(cat "$root/tmp/refused")"

step "remove"
in_root apt-get purge -y synfin > /dev/null
[ ! -e "$root/usr/bin/synfin" ] || fail "the program stayed"
[ ! -e "$root/etc/default/synfin" ] || fail "the configuration stayed"
