#!/bin/bash
# Installs the .deb in a clean Debian root and runs it there as an ordinary user.
#
#   sudo packaging/test-deb.sh target/debian/synfin_*.deb [SUITE] [MIRROR]
#
# Needs root, debootstrap and a Debian mirror. Everything is in mount and process
# namespaces of its own, and gone at the end.
set -euo pipefail

step() { echo "== $*"; }
fail() { echo "test-deb: FAILED: $*" >&2; exit 1; }

# 1. Outside: make the root.
outside() {
    local deb suite mirror here
    deb=$(readlink -f "${1:?which .deb?}")
    suite=${2:-bookworm}
    mirror=${3:-http://deb.debian.org/debian}
    here=$(readlink -f "$(dirname "$0")")
    work=$(mktemp -d)
    trap 'rm -rf --one-file-system "$work"' EXIT
    step "a clean $suite"
    debootstrap --variant=minbase --include=iproute2 "$suite" "$work/root" "$mirror" > "$work/log" ||
        { tail -n 20 "$work/log"; exit 1; }
    cp /etc/resolv.conf "$work/root/etc/resolv.conf"
    cp "$deb" "$work/root/opt/synfin.deb"
    cp "$here/test-deb.sh" "$work/root/opt/test-deb.sh"
    mkdir "$work/root/opt/captures"
    find "$here/../captures" -type f ! -name '*.md' -size -1024k \
        -exec cp -t "$work/root/opt/captures" {} + 2> /dev/null || true
    unshare --mount --pid --fork --kill-child "$here/test-deb.sh" --enter "$work/root"
    echo "test-deb: passed on $suite"
}

# 2. In namespaces of its own: make it the root. A chroot would not do: the kernel
# refuses user namespaces, which the labs need, to whoever is in one.
enter() {
    mount --bind "$1" "$1"
    cd "$1"
    mount -t proc proc proc
    mount -t sysfs -o ro sysfs sys || true
    mount --rbind /dev dev
    mkdir -p old
    pivot_root . old
    umount -l /old
    exec chroot . /usr/bin/env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin LC_ALL=C.UTF-8 DEBIAN_FRONTEND=noninteractive \
        /bin/bash /opt/test-deb.sh --inside
}

as_user() { setpriv --reuid 1000 --regid 1000 --clear-groups --inh-caps=-all env HOME=/home/student "$@"; }

# 3. Inside.
inside() {
    cd /
    step "install, with its dependencies from the mirror"
    apt-get update -qq
    apt-get install -y -qq --no-install-recommends /opt/synfin.deb
    useradd -u 1000 -m student

    step "what was installed"
    dpkg -L synfin
    dpkg --verify synfin
    for file in /usr/bin/synfin /usr/share/man/man1/synfin.1.gz /usr/share/doc/synfin/copyright \
        /usr/share/bash-completion/completions/synfin /usr/share/zsh/vendor-completions/_synfin \
        /usr/share/fish/vendor_completions.d/synfin.fish; do
        [ -s "$file" ] || fail "no $file"
    done
    if ldd /usr/bin/synfin | grep 'not found'; then fail "a library is missing"; fi
    getcap /usr/bin/synfin | grep -q cap_net_raw || fail "no capability on /usr/bin/synfin"

    step "as an ordinary user"
    as_user synfin --version
    as_user synfin --help > /dev/null
    as_user bash -n /usr/share/bash-completion/completions/synfin
    as_user synfin doctor || true
    for capture in /opt/captures/*; do
        [ -e "$capture" ] || continue
        status=0
        as_user synfin replay "$capture" > /dev/null 2> /tmp/said || status=$?
        [ "$status" -eq 0 ] || [ "$status" -eq 1 ] || fail "replay of $capture: status $status: $(cat /tmp/said)"
    done

    step "a live capture as an ordinary user, in a network of its own"
    unshare --net /bin/bash /opt/test-deb.sh --capture

    step "the administrator says no"
    sed -i s/CAPTURE_WITHOUT_SUDO=yes/CAPTURE_WITHOUT_SUDO=no/ /etc/default/synfin
    dpkg-reconfigure synfin
    [ -z "$(getcap /usr/bin/synfin)" ] || fail "the capability stayed"
    status=0
    as_user synfin capture -i lo -c 1 > /dev/null 2> /tmp/refused || status=$?
    [ "$status" -eq 1 ] || fail "a capture without privilege ended with $status: $(cat /tmp/refused)"
    grep -q setcap /tmp/refused || fail "no advice: $(cat /tmp/refused)"

    step "remove"
    apt-get purge -y -qq synfin > /dev/null
    [ ! -e /usr/bin/synfin ] || fail "the program stayed"
    [ ! -e /etc/default/synfin ] || fail "the configuration stayed"
}

# 4. On a loopback that nobody else uses: the classroom scene, by an ordinary user.
capture() {
    ip link set lo up
    as_user synfin serve echo > /tmp/serve.log 2>&1 &
    local server=$! sniffer status=0
    as_user synfin capture -i lo --for 5s -w /home/student/lo.pcapng port 1898 > /tmp/capture.log 2>&1 &
    sniffer=$!
    # Until the capture has ended: it may start later than the first of these.
    while [ -d /proc/$sniffer ]; do
        echo hello | as_user synfin talk tcp 127.0.0.1:1898 > /dev/null 2>&1 || true
    done
    wait $sniffer || status=$?
    kill $server
    cat /tmp/capture.log
    [ "$status" -eq 0 ] || fail "capture ended with $status"
    [ -s /home/student/lo.pcapng ] || fail "nothing was captured"
    as_user synfin replay /home/student/lo.pcapng | grep -q 1898 || fail "the capture does not show port 1898"
}

case "${1:-}" in
    --enter) enter "$2" ;;
    --inside) inside ;;
    --capture) capture ;;
    *) outside "$@" ;;
esac
