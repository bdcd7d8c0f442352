# shellcheck shell=bash
# shellcheck disable=SC2154
# What etc/quickstart and tests/run share: Debian packages, the build, the unprivileged user, a
# private PostgreSQL cluster. Sourced with $top set to the top of the source tree.

# What the caller's surroundings say about databases and service managers is not meant for us.
unset "${!PG@}" NOTIFY_SOCKET WATCHDOG_USEC WATCHDOG_PID LISTEN_FDS LISTEN_PID LISTEN_FDNAMES

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
    if ((EUID)); then
        type -P sudo >/dev/null || die "as root, run: apt-get install ${missing[*]}"
        sudo=(sudo)
    fi
    say "Installing Debian packages: ${missing[*]}"
    "${sudo[@]}" apt-get update -qq >&2 || say "apt-get update failed; trying with the known lists"
    "${sudo[@]}" env DEBIAN_FRONTEND=noninteractive \
        apt-get install -y -qq --no-install-recommends "${missing[@]}" >&2 ||
        die "apt-get could not install: ${missing[*]}"
}

# build DIRECTORY OPTION...: configure with cmake and compile; as the owner of the sources when
# root does it, so that the owner can go on building. Two at once wait for each other.
build() {
    local directory=$top/$1 log=$top/$1/build.log owner as=() generator=(-G Ninja)
    shift
    owner=$(stat -c %u "$top")
    ((EUID == 0 && owner != 0)) &&
        as=(setpriv --reuid "$owner" --regid "$(stat -c %g "$top")" --clear-groups --)
    if ! "${as[@]}" mkdir -p "$directory" || ! "${as[@]}" touch "$log" "$log.lock"; then
        die "$directory cannot be written: remove it, or build as its owner"
    fi
    [[ -f $directory/CMakeCache.txt ]] && generator=()
    (
        flock 8
        "${as[@]}" cmake -S "$top" -B "$directory" "${generator[@]}" "$@" &&
            "${as[@]}" cmake --build "$directory" --parallel
    ) 8<"$log.lock" >"$log" 2>&1 || {
        tail -n 40 "$log" >&2
        die "the build failed, see $log"
    }
}

# The user that the cluster and the daemons run as: nobody when started by root, else ourselves.
run_user=$(id -un)
((EUID)) || run_user=nobody

# $drop is the command before a command that makes it run as $run_user.
run_as() {
    run_user=$1 drop=()
    ((EUID)) || drop=(setpriv --reuid "$run_user" --regid "$(id -g "$run_user")" --clear-groups
                      --inh-caps=-all --no-new-privs --)
}
run_as "$run_user"

# as_user COMMAND...: run it as $run_user, in a directory that everybody can enter.
as_user() {
    (cd / && exec "${drop[@]}" "$@")
}

# postgres_find [DATA]: the PostgreSQL server that made this cluster, the newest one for a
# cluster that does not exist yet; sets $postgres_bin.
postgres_find() {
    local version=
    [[ -f ${1-}/PG_VERSION ]] && version=$(<"$1/PG_VERSION")
    if [[ ! $version ]]; then
        version=$(find /usr/lib/postgresql -mindepth 1 -maxdepth 1 -printf '%f\n' | sort -V | tail -n 1)
    fi
    postgres_bin=/usr/lib/postgresql/$version/bin
    [[ $version && -x $postgres_bin/initdb ]] ||
        die "PostgreSQL ${version:-(any version)} is not installed in /usr/lib/postgresql"
}

# cluster_create DATA: a new cluster, superuser postgres, reachable over its Unix socket only.
# Whoever may enter the directory of the socket (mode 0700) is trusted. Errors are logged
# without statements and values, which are patient data.
cluster_create() {
    rm -rf "$1.new"
    mkdir -m 0700 "$1.new"
    ((EUID)) || chown "$run_user:" "$1.new"
    as_user "$postgres_bin/initdb" -D "$1.new" -U postgres --auth=trust -E UTF8 \
        --locale=C.UTF-8 >/dev/null || return 1
    as_user tee -a "$1.new/postgresql.conf" >/dev/null <<'EOF' || return 1
listen_addresses = ''
unix_socket_permissions = 0700
log_error_verbosity = terse
log_min_error_statement = panic
log_parameter_max_length = 0
log_parameter_max_length_on_error = 0
EOF
    mv "$1.new" "$1"
}

# pg DATA COMMAND...: pg_ctl; the environment takes a path that its shell would trip over.
pg() {
    as_user env PGDATA="$1" "$postgres_bin/pg_ctl" "${@:2}" </dev/null 8>&- 9>&-
}

# The postmaster named in a cluster's lock file, unless it is dead. A killed one that nobody has
# waited for still has its number, and PostgreSQL itself takes it for alive.
cluster_runs() {
    local pid
    [[ -f $1/postmaster.pid ]] && read -r pid <"$1/postmaster.pid" &&
        grep -q '^State:[[:space:]]*[^ZX[:space:]]' "/proc/$pid/status" 2>/dev/null
}

# Whether a server process still works in DATA, its working directory.
cluster_busy() {
    find /proc -maxdepth 2 -path '/proc/[0-9]*/cwd' -lname "$1" -print -quit 2>/dev/null | grep -q .
}

# cluster_start DATA SOCKET_DIRECTORY LOG: start it and wait until it answers. After a crash the
# processes of the former one get a moment to go, and its lock files go after them.
cluster_start() {
    local try
    for try in {1..100}; do
        cluster_busy "$1" || break
        sleep 0.1
    done
    ((try < 100)) || { echo "processes of an earlier server do not end" >>"$3"; return 1; }
    rm -f "$1/postmaster.pid" "$2"/.s.PGSQL.5432.lock
    pg "$1" -w -t 120 -s -o "-k $2" start >>"$3" 2>&1
}

# cluster_stop DATA: stop it if it runs.
cluster_stop() {
    local mode
    for mode in fast immediate; do
        cluster_runs "$1" || return 0
        pg "$1" -w -t 60 -s -m $mode stop >/dev/null 2>&1 || true
    done
    ! cluster_runs "$1"
}
