#!/bin/bash
# The table of C-FIND keys in README.md is what `isthmus-scp --keys` prints. To bring it in step:
#   tests/unit/keys_in_step.sh --write
set -euo pipefail
cd "$(dirname "$0")/../.."
bin=${ISTHMUS_BIN:-build-test}
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT

# README.md with the table that begins as the printed one replaced by it.
"$bin/isthmus-scp" --keys >"$scratch/keys"
awk -v keys="$scratch/keys" '
    NR == FNR { if (FNR == 1) head = $0; next }
    $0 == head { while ((getline line <keys) > 0) print line; inside = 1; found++ }
    !/^\|/ { inside = 0 }
    !inside
    END { exit found != 1 }' "$scratch/keys" README.md >"$scratch/README.md" ||
    { echo 'README.md does not have the table of keys once'; exit 1; }
if [[ ${1-} == --write ]]; then
    cat "$scratch/README.md" >README.md
    exit
fi
[[ $(wc -l <"$scratch/keys") == 8 && $(grep -o 'Patient\|Study\|Series\|SOP' "$scratch/keys" | wc -l) -gt 40 ]] ||
    { echo 'too few keys'; exit 1; }
diff -u README.md "$scratch/README.md" || { echo 'the keys in README.md are not in step (see this test)'; exit 1; }
