#!/usr/bin/env bash
# Says where PostgreSQL's programs are: the newest of Debian's, which are in nobody's path, or those in the path.
set -euo pipefail
newest=$(ls -d /usr/lib/postgresql/*/bin 2>/dev/null | sort -V | tail -n 1 || true)
if [ -n "$newest" ] && [ -x "$newest/initdb" ]; then
    echo "$newest"
elif command -v initdb >/dev/null; then
    dirname "$(command -v initdb)"
else
    echo "PostgreSQL is needed: apt-get install postgresql" >&2
    exit 1
fi
