#!/bin/bash
# Builds the committed release twice, in two directories, and compares the programs.
#
#   packaging/reproducible.sh [COMMIT]
set -euo pipefail

cd "$(dirname "$0")/.."
commit=$(git rev-parse "${1:-HEAD}")
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cargo_home=$(readlink -f "${CARGO_HOME:-$HOME/.cargo}")
sysroot=$(rustc --print sysroot)

for name in one a-second-directory-with-a-longer-name; do
    source=$work/$name
    mkdir "$source"
    git archive "$commit" | tar -x -C "$source"
    (
        cd "$source"
        unset RUSTC_WRAPPER
        export CARGO_TARGET_DIR=$source/target CARGO_INCREMENTAL=0
        export SOURCE_DATE_EPOCH=$(git -C "$OLDPWD" log -1 --format=%ct "$commit")
        # Where it was built, and where its dependencies lay, is nobody's business.
        export RUSTFLAGS="--remap-path-prefix=$source=/synfin --remap-path-prefix=$cargo_home=/cargo --remap-path-prefix=$sysroot=/rust"
        cargo build --release --locked --quiet
    )
    sha256sum "$source/target/release/synfin"
done

one=$work/one/target/release/synfin
two=$work/a-second-directory-with-a-longer-name/target/release/synfin
if ! cmp "$one" "$two"; then
    echo "reproducible: NO" >&2
    exit 1
fi
if grep -aqF -e "$work" -e "$cargo_home" "$one"; then
    echo "reproducible: NO: it names the directory it was built in" >&2
    exit 1
fi
echo "reproducible: yes, $commit"
