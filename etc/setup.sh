# shellcheck shell=bash
# shellcheck disable=SC2154
# What etc/quickstart and tests/run share: Debian packages, the unprivileged user, a private
# PostgreSQL cluster. Sourced with $top set to the top of the source tree.

say() {
    printf '%s\n' "$*" >&2
}

die() {
    say "${0##*/}: $*"
    exit 1
}

# packages_install PERMIT GROUP...: install what is missing of these groups of
# etc/debian-packages; PERMIT "no" refuses instead.
packages_install() {
    local permit=$1 wanted missing=() package sudo=()
    shift
    wanted=$(awk -v groups=" $* " '/^[a-z]/ && index(groups, " " $1 " ") { print $2 }' \
        "$top/etc/debian-packages")
    for package in $wanted; do
        [[ $(dpkg-query -Wf '${db:Status-Status}' "$package" 2>/dev/null) == installed ]] ||
            missing+=("$package")
    done
    ((${#missing[@]})) || return 0
    [[ $permit == yes ]] || die "these Debian packages are missing: ${missing[*]}"
    say "Installing Debian packages: ${missing[*]}"
    ((EUID == 0)) || sudo=(sudo)
    "${sudo[@]}" apt-get update -qq >&2 || say "apt-get update failed; trying with the known lists"
    "${sudo[@]}" env DEBIAN_FRONTEND=noninteractive \
        apt-get install -y -qq --no-install-recommends "${missing[@]}" >&2 ||
        die "apt-get could not install: ${missing[*]}"
}

# The user that the cluster and the daemons run as: nobody when started by root, else ourselves.
run_user=$(id -un)
((EUID)) || run_user=nobody

# run_as_user COMMAND...: as $run_user, in a directory that everybody can enter.
run_as_user() {
    local drop=()
    if ((EUID == 0)); then
        drop=(setpriv --reuid "$run_user" --regid "$(id -g "$run_user")" --clear-groups
              --inh-caps=-all --no-new-privs --)
    fi
    (cd / && exec "${drop[@]}" "$@")
}

# The newest PostgreSQL on this machine; sets $postgres_bin.
postgres_find() {
    local initdb
    postgres_bin=
    for initdb in /usr/lib/postgresql/*/bin/initdb; do
        [[ -x $initdb ]] && postgres_bin=${initdb%/initdb}
    done
    [[ $postgres_bin ]] || die "no PostgreSQL server found in /usr/lib/postgresql"
}

# cluster_create DATA: a new cluster, superuser postgres, reachable over its Unix socket only.
# Whoever may enter the directory of the socket (mode 0700) is trusted. Errors are logged
# without statements and values, which are patient data.
cluster_create() {
    local data=$1
    run_as_user "$postgres_bin/initdb" -D "$data" -U postgres --auth=trust -E UTF8 \
        --locale=C.UTF-8 >"$data.initdb.log" 2>&1 || {
        say "$(tail -n 5 "$data.initdb.log")"
        return 1
    }
    rm -f "$data.initdb.log"
    run_as_user tee -a "$data/postgresql.conf" >/dev/null <<'EOF'
listen_addresses = ''
unix_socket_permissions = 0700
log_error_verbosity = terse
log_min_error_statement = panic
log_parameter_max_length = 0
log_parameter_max_length_on_error = 0
EOF
}

# cluster_start DATA SOCKET_DIRECTORY LOG: start it and wait until it answers.
cluster_start() {
    run_as_user "$postgres_bin/pg_ctl" -D "$1" -l "$3" -w -t 120 -s \
        -o "-k '${2//\'/\'\\\'\'}'" start >&2 9>&-
}

# cluster_stop DATA: stop it if it runs.
cluster_stop() {
    [[ -f $1/postmaster.pid ]] || return 0
    run_as_user "$postgres_bin/pg_ctl" -D "$1" -w -t 120 -s -m fast stop >&2 9>&- ||
        run_as_user "$postgres_bin/pg_ctl" -D "$1" -w -t 30 -s -m immediate stop >&2 9>&-
}
