#!/usr/bin/env bash
# Runs a command beside a PostgreSQL server of its own, which is gone afterwards. The command finds it by ROSTER_TEST_POSTGRES.
#
#     tests/postgres.sh cargo test -p roster-engine
#
# The server listens on a socket in a temporary folder only, trusts whoever gets there, and syncs nothing: it is for tests. With
# ROSTER_TEST_SYNC=on it syncs as a server should, which is for measurements.
set -euo pipefail

bin=$(tests/postgres-bin.sh)
folder=$(mktemp -d "${TMPDIR:-/tmp}/roster-pg.XXXXXX")
data=$folder/data
me=(env)
if [ "$(id -u)" = 0 ]; then # PostgreSQL refuses to run as root.
    chown postgres "$folder"
    me=(runuser -u postgres -- env)
fi
chmod 755 "$folder"

finish() {
    (cd "$folder" && "${me[@]}" "$bin/pg_ctl" -D "$data" -m immediate -s stop) || true
    rm -rf "$folder"
}
trap finish EXIT

cd "$folder"
"${me[@]}" "$bin/initdb" -D "$data" -A trust -U postgres -E UTF8 --no-locale --no-sync >/dev/null
sync=${ROSTER_TEST_SYNC:-off}
options="-k $folder -c listen_addresses= -c max_connections=400 -c fsync=$sync -c full_page_writes=$sync"
"${me[@]}" "$bin/pg_ctl" -D "$data" -w -s -l "$folder/log" -o "$options" start
cd "$OLDPWD"

ROSTER_TEST_POSTGRES="postgres://postgres@${folder//\//%2F}:5432/postgres" "$@"
