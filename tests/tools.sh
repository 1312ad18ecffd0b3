#!/usr/bin/env bash
# Installs what the tests need and this machine lacks, from Debian's packages. Quick where nothing is missing.
set -euo pipefail

python=${PYTHON:-python3}
missing=()

lacks() { ! command -v "$1" >/dev/null; }
need() { if lacks "$1"; then missing+=("${@:2}"); fi; }
has_venv() { "$python" -c 'import ensurepip, venv' 2>/dev/null; }

need cc gcc libc6-dev
need curl curl ca-certificates
need strace strace
need python3 python3 python3-venv
need node nodejs
need npm npm
if ! has_venv; then missing+=(python3-venv); fi
if ! tests/postgres-bin.sh >/dev/null 2>&1; then missing+=(postgresql); fi

if ((${#missing[@]})); then
    as_root=()
    if [ "$(id -u)" != 0 ]; then as_root=(sudo -n); fi
    if lacks apt-get || { ((${#as_root[@]})) && ! sudo -n true 2>/dev/null; }; then
        echo "missing, and not to be installed by this user on this system: ${missing[*]}" >&2
    else
        echo "installing ${missing[*]}"
        export DEBIAN_FRONTEND=noninteractive
        "${as_root[@]}" apt-get -qq update
        "${as_root[@]}" apt-get -qq install --yes --no-install-recommends "${missing[@]}" >/dev/null
    fi
fi

# Without these nothing goes; what needs one of the others says so itself.
fail() { echo "$1" >&2; exit 1; }
if lacks cargo; then fail "a Rust toolchain is needed: https://rustup.rs"; fi
if ! cargo fmt --version >/dev/null 2>&1 || ! cargo clippy --version >/dev/null 2>&1; then
    fail "rustfmt and clippy are needed: rustup component add rustfmt clippy"
fi
if lacks cc; then fail "a C compiler is needed, for SQLite"; fi
if ! "$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))'; then fail "Python 3.11 or newer is needed"; fi
tests/postgres-bin.sh >/dev/null
if lacks npm || ! node -e 'process.exit(process.versions.node.split(".")[0] < 18 ? 1 : 0)'; then fail "Node 18 or newer and npm are needed"; fi
if ! has_venv; then fail "Python's venv is needed: apt-get install python3-venv"; fi
echo "$(cargo --version), $("$python" --version)"
