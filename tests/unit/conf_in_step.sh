#!/bin/bash
# etc/isthmus.conf shows every option of both daemons, commented out at its default: what
# --options prints, in the order it prints, below the text at its head. To bring it in step:
#   tests/unit/conf_in_step.sh --write
set -euo pipefail
cd "$(dirname "$0")/../.."
bin=${ISTHMUS_BIN:-build-test}

# The sections of both daemons, each once.
options() {
    { "$bin/isthmus-scp" --options; "$bin/isthmus-fhir" --options; } |
        awk '/^#?[a-z].*{$/ { skip = seen[$0]++ } !skip' | sed '$d'
}

head_of() {
    awk '/^#?[a-z].*{$/ { exit } { print }' etc/isthmus.conf
}

expected=$(mktemp)
trap 'rm -f "$expected"' EXIT
{ head_of; options; } >"$expected"
if [[ ${1-} == --write ]]; then
    cat "$expected" >etc/isthmus.conf
    exit
fi
[[ $(grep -c '^ *#[a-z_0-9]* = ' "$expected") -gt 20 ]] || { echo 'too few options'; exit 1; }
diff -u etc/isthmus.conf "$expected" || { echo 'etc/isthmus.conf is not in step (see this test)'; exit 1; }
for program in isthmus-scp isthmus-fhir; do
    "$bin/$program" --config etc/isthmus.conf --check >/dev/null
done
