# shellcheck shell=bash
# shellcheck disable=SC2034,SC2154
# One Isthmus in a directory: the directory, its processes, its database, its configuration.
# Sourced by etc/quickstart after etc/setup.sh. It is given
#   $dir, as the user said it; $port, $aet, $bind, $fhir (a list), $release, $quiet_period, as
#   asked for; $configured, the options among them that were given.
# and sets $state, the directory without links; $conf, $socket, $db; $tools and
# $programs, where the programs are and where they run from.

# --- directories --------------------------------------------------------------------------

# directory PATH HOME: make the directory PATH where $run_user can get to it. Where that is not so
# (below /root, say), it is made in HOME and PATH becomes a link to it.
directory() {
    local path=$1 home=$2
    mkdir -p "$path" || die "the directory $path cannot be made"
    if ((EUID == 0)) && ! as_user test -x "$path/." && [[ -z $(ls -A "$path") ]]; then
        chmod 0711 "$path"
        if ! as_user test -x "$path/."; then
            rmdir "$path"
            mkdir -p "$home"
            home=$(mktemp -d "$home/${path##*/}.XXXXXX")
            chmod 0711 "$home"
            ln -s "$home" "$path"
            say "$run_user cannot get to $path, so it is a link to $home"
        fi
    fi
    as_user test -x "$(realpath "$path")/." || die "$run_user cannot get to $path"
}

# give PATH...: make directories and let $run_user have them, to itself.
give() {
    mkdir -p "$@"
    chmod 0700 "$@"
    ((EUID)) || chown "$run_user:" "$@"
}

# The directory itself stays ours, so that what parses foreign bytes cannot put links in our way.
# Everything below $state has no link in its path; $dir is what the user said.
state_open() {
    local owner
    dir=$(realpath -ms -- "$dir")
    if ((EUID == 0)) && [[ -d $dir ]]; then
        owner=$(stat -Lc %U "$dir")
        [[ $owner == root || $owner == UNKNOWN ]] || run_as "$owner"
    fi
    [[ ! -d $dir || -d $dir/run || -z $(ls -A "$dir") ]] ||
        die "$dir holds something else: choose another directory with --dir"
    directory "$dir" /var/lib/isthmus-quickstart
    state=$(realpath "$dir") conf=$state/isthmus.conf
    [[ -w $state ]] || die "$dir cannot be written by $(id -un)"
    chmod 0711 "$state"
    mkdir -p "$state/run" "$state/log"
    give "$state/store" "$state/socket"
    chmod 0700 "$state/run" "$state/log"
    socket=$state/socket
    # a socket's path has at most 107 bytes, and libpq takes a comma for the next host
    if ((${#socket} > 80)) || [[ $socket =~ [^A-Za-z0-9/._-] ]]; then
        socket=$(cat "$state/run/socket" 2>/dev/null) || true
        [[ $socket && $(stat -c %U "$socket" 2>/dev/null) == "$run_user" ]] ||
            socket=$(as_user mktemp -d /tmp/isthmus.XXXXXX)
        echo "$socket" >"$state/run/socket"
    fi
    db="postgresql:///isthmus?host=$socket&user=isthmus"
    exec 9>>"$state/run/lock"
}

# --- processes ----------------------------------------------------------------------------

# When a process began, in ticks since boot: with its number, this names it for ever.
process_began() {
    local stat
    stat=$(cat "/proc/$1/stat" 2>/dev/null) || return 1
    read -ra stat <<<"${stat##*) }"
    [[ ${stat[0]} != Z ]] && echo "${stat[19]}"
}

# process_note NAME PID
process_note() {
    echo "$2 $(process_began "$2")" >"$state/run/$1.pid"
}

# The number of the process noted as NAME, if it still runs.
process_find() {
    local pid began
    [[ -f $state/run/$1.pid ]] && read -r pid began <"$state/run/$1.pid" &&
        [[ $(process_began "$pid") == "$began" ]] && echo "$pid"
}

daemon_runs() {
    process_find "$1" >/dev/null
}

any_daemon_runs() {
    daemon_runs isthmus-scp || daemon_runs isthmus-fhir
}

# daemon_start NAME: as $run_user, away from our terminal, with the rights of its own role.
daemon_start() {
    (
        cd /
        exec "${drop[@]}" setsid env PGUSER="$1" "$programs/$1" --config "$conf"
    ) </dev/null >>"$state/log/$1.log" 2>&1 8>&- 9>&- &
    process_note "$1" $!
}

# daemon_stop NAME: let it finish what it is doing, but not for ever.
daemon_stop() {
    local pid tries=300
    pid=$(process_find "$1") || return 0
    kill -TERM "$pid" 2>/dev/null || true
    while daemon_runs "$1" && ((tries--)); do
        sleep 0.1
    done
    if daemon_runs "$1"; then
        say "$1 does not end by itself and is killed"
        kill -KILL -- "-$pid" 2>/dev/null || kill -KILL "$pid" 2>/dev/null || true
    fi
    rm -f "$state/run/$1.pid"
}

stop_all() {
    daemon_stop isthmus-scp
    daemon_stop isthmus-fhir
    if [[ -d $state/postgres ]]; then
        postgres_find "$state/postgres"
        cluster_stop "$state/postgres" || say "PostgreSQL in $state/postgres does not stop"
    fi
    rm -f "$state/run/ready"
    [[ $socket == "$state/socket" ]] || rm -rf "$socket" "$state/run/socket"
}

# The last line of a log that says something.
last_words() {
    grep -vE '^$|Examine the log output|could not start server|system is shut down$' "$1" | tail -n 1
}

# wait_for SECONDS COMMAND...: until it succeeds; gives up early when a daemon ends.
wait_for() {
    local end=$((SECONDS + $1)) name
    shift
    until "$@"; do
        for name in isthmus-scp isthmus-fhir; do
            [[ ! -f $state/run/$name.pid ]] || daemon_runs "$name" ||
                die "$name has ended: $(last_words "$state/log/$name.log")"
        done
        ((SECONDS < end)) || return 1
        sleep 0.1
    done
}

# --- the steps ----------------------------------------------------------------------------

# $programs is where the programs run from: beside the state when another user has to reach them.
programs_place() {
    tools=${ISTHMUS_BIN:-$top/build}
    if [[ ! ${ISTHMUS_BIN-} ]]; then
        say 'Building build/ …'
        build build -DCMAKE_BUILD_TYPE=Release -DISTHMUS_SANITIZE=OFF -DISTHMUS_TESTS=OFF
    fi
    programs=$tools
    [[ -x $tools/isthmus-scp && -x $tools/isthmus-fhir && -x $tools/isthmus ]] ||
        die "the programs are not in $tools"
    if ((EUID == 0)); then
        programs=$state/bin
        mkdir -p "$programs"
        chmod 0755 "$programs"
        install -m 0755 "$tools/isthmus-scp" "$tools/isthmus-fhir" "$programs"
    fi
}

sql() {
    "$postgres_bin/psql" -XAtq -v ON_ERROR_STOP=1 \
        "host=$socket user=postgres dbname=${database:-isthmus}" "$@"
}

# The roles and the database, and a role for whoever uses the tools here, with the rights of
# the owner.
database_make() {
    local person
    export PGOPTIONS='-c client_min_messages=warning'
    database=postgres sql -f "$top/sql/roles.sql"
    [[ $(database=postgres sql -c "select 1 from pg_database where datname = 'isthmus'") ]] ||
        database=postgres sql -c 'create database isthmus owner isthmus'
    for person in "$(id -un)" "$run_user"; do
        [[ $person == postgres ]] || sql -v person="$person" <<'EOF'
select format('create role %I login in role isthmus', :'person')
where not exists (select from pg_roles where rolname = :'person') \gexec
alter role :"person" set role isthmus;
EOF
    done
    unset PGOPTIONS
}

database_start() {
    local log=$state/log/postgres.log
    postgres_find "$state/postgres"
    if [[ ! -d $state/postgres ]]; then
        cluster_create "$state/postgres" || die "PostgreSQL cannot make a cluster in $state/postgres"
    fi
    cluster_runs "$state/postgres" || cluster_start "$state/postgres" "$socket" "$log" ||
        die "PostgreSQL in $state/postgres does not start: $(last_words "$log")"
    database_make || die "the database in $state/postgres cannot be prepared"
    PGUSER=isthmus "$tools/isthmus" --config "$conf" migrate --sql "$top/sql" >&2 ||
        die "the migrations in $top/sql cannot be applied"
}

# A directory that studies are published to: made for $run_user, or one it can write to.
target_directory() {
    local made=no
    [[ -d $1 && $(ls -A "$1") ]] || made=yes
    directory "$1" "$state/targets"
    [[ $made == no ]] || give "$(realpath "$1")"
    as_user test -w "$(realpath "$1")/." || die "$run_user cannot write to $1"
}

# A string in the configuration file.
quoted() {
    local text=${1//\\/\\\\}
    text=${text//\"/\\\"}
    printf '"%s"' "${text//\$/\\\$}"
}

conf_text() {
    local target kind where
    printf '# Written by etc/quickstart; once you have edited it, it is yours.\n'
    printf '# All options: etc/isthmus.conf\n'
    printf 'database {\n    conninfo = "host=%s dbname=isthmus"\n}\n' "$socket"
    printf 'store {\n    root = %s\n}\n' "$(quoted "$state/store")"
    printf 'scp {\n    ae_title = %s\n    port = %d\n    bind = {%s}\n}\n' \
        "$(quoted "$aet")" "$port" "$(quoted "$bind")"
    printf '# where identifiers come from that name no issuer\n'
    printf 'fhir {\n    default_system_patient = "http://hospital.example/patient"\n'
    printf '    default_system_accession = "http://hospital.example/accession"\n}\n'
    for target in "${fhir[@]}"; do
        if [[ $target == http* ]]; then
            kind=url where=$target
        else
            kind=directory where=$(realpath "$target")
        fi
        printf 'target %s {\n    %s = %s\n    release = %s\n    quiet_period = %d\n}\n' \
            "$(quoted "$target")" $kind "$(quoted "$where")" "$release" "$quiet_period"
    done
}

# conf_value PROGRAM SECTION OPTION: the values in force, without quotes, one a line.
conf_value() {
    "$tools/$1" --config "$conf" --check |
        sed -n "/^$2 /,/^}/s/^ *$3 = //p" | tr -d '{}"' | sed 's/, /\n/g'
}

# The configuration that is there holds.
conf_adopt() {
    port=$(conf_value isthmus-scp scp port)
    aet=$(conf_value isthmus-scp scp ae_title)
    bind=$(conf_value isthmus-scp scp bind | head -n 1)
    mapfile -t fhir < <(conf_value isthmus-fhir target directory
                        conf_value isthmus-fhir target url)
}

conf_write() {
    local target text
    ((${#fhir[@]})) || fhir=("$state/fhir")
    for target in "${fhir[@]}"; do
        [[ $target == http* ]] || target_directory "$target"
    done
    ((port)) || port=$(free_port)
    text=$(conf_text)
    if [[ -f $conf && $text != "$(<"$conf")" ]]; then
        sha256sum --status -c "$state/run/isthmus.conf.sha256" 2>/dev/null ||
            die "$dir/isthmus.conf has been edited: start without$configured, or remove it"
        ! any_daemon_runs || die "Isthmus already runs in $dir with other options: stop it first"
    fi
    echo "$text" >"$conf"
    chmod 0640 "$conf"
    ((EUID)) || chown ":$(id -g "$run_user")" "$conf"
    sha256sum "$conf" >"$state/run/isthmus.conf.sha256"
}

configure() {
    local program
    if [[ -f $conf && ! $configured ]]; then
        conf_adopt
    else
        conf_write
    fi
    for program in isthmus-scp isthmus-fhir; do
        "$tools/$program" --config "$conf" --check >/dev/null || die "$dir/isthmus.conf is not valid"
    done
}
