#!/usr/bin/env bash
# Generates Python clients from descriptions of the Enhance API: from Roster's own, and from the vendor's where VENDOR_SPECS has it.
# usage: generate.sh FOLDER GENERATOR
set -euo pipefail

folder=$1 generator=$2
here=$(cd "$(dirname "$0")" && pwd)

# name, description
generate() {
    # The same description gives the same client.
    local sum
    sum=$(cat "$2" "$here/requirements.txt" | sha256sum)
    if [ "$(cat "$folder/$1.sum" 2>/dev/null)" = "$sum" ]; then return; fi
    rm -rf "${folder:?}/$1"
    mkdir -p "$folder/$1"
    if ! "$generator" generate -g python -i "$2" -o "$folder/$1" --package-name "enhance_$1" >"$folder/$1.log" 2>&1; then
        tail -40 "$folder/$1.log" >&2
        exit 1
    fi
    echo "$sum" >"$folder/$1.sum"
}

generate own "$here/../../../docs/openapi/enhance.json"
if [ -n "${VENDOR_SPECS:-}" ] && [ -e "$VENDOR_SPECS/enhance.openapi.yml" ]; then
    generate vendor "$VENDOR_SPECS/enhance.openapi.yml"
fi
