#!/bin/bash
# Who may include whom: store/base <- store <- scp and store <- fhir. scp and fhir never meet;
# only *_dcmtk.cc (and .h between them) know DCMTK, only store/ knows libpq, only fhir/ knows libcurl.
set -euo pipefail
cd "$(dirname "$0")/../.."
failed=0

# forbid WHAT PATTERN FILE...: no file includes a header that matches.
forbid() {
    local what=$1 pattern=$2 found
    shift 2
    (($#)) || return 0
    found=$(grep -nHE "^[[:space:]]*#[[:space:]]*include[[:space:]]*[<\"]($pattern)" "$@" || true)
    if [[ $found ]]; then
        printf '%s:\n%s\n' "$what" "$found"
        failed=1
    fi
}

# The C and C++ files of the folders given, but for those whose name matches $except.
files() {
    find "$@" -name "*.[ch]" -o -name "*.cc" | grep -vE "${except:-^$}" || true
}

mapfile -t base < <(files store/base)
mapfile -t store < <(files store)
mapfile -t scp < <(files scp)
mapfile -t fhir < <(files fhir)
mapfile -t all < <(files store scp fhir)
mapfile -t no_bridge < <(except='_dcmtk\.(cc|h)$' files store scp fhir)
((${#all[@]} > 10)) || { echo "found only ${#all[@]} files: the test looks in the wrong place"; exit 1; }

forbid 'store/base uses nobody' 'store/[^b]|store/b[^a]|scp/|fhir/' "${base[@]}"
forbid 'store knows neither daemon' 'scp/|fhir/' "${store[@]}"
forbid 'scp never includes fhir' 'fhir/' "${scp[@]}"
forbid 'fhir never includes scp' 'scp/' "${fhir[@]}"
forbid 'only the bridge sees DCMTK' 'dcmtk/' "${no_bridge[@]}"
forbid 'only store sees libpq' 'libpq|postgresql/' "${scp[@]}" "${fhir[@]}" "${base[@]}"
forbid 'only fhir sees libcurl' 'curl/' "${store[@]}" "${scp[@]}"
forbid 'includes name the folder: "store/blob.h"' '\.\./|[a-z_]+\.h"' "${all[@]}"
exit $failed
