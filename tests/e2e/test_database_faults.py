#!/usr/bin/env python3
"""What a database does to us: it fails over to another host, has no connection left, is slow, stands still,
runs out of space for its log.

In each case every instance is answered Success, and everything that was is in the index and in its
file bit for bit as soon as the database works again, by itself.
"""
# fault
import os
import re
import signal
import subprocess
import tempfile
from contextlib import contextmanager, suppress
from pathlib import Path

import dicom_raw as dicom
from dicom_query import Query
from harness import Isthmus, alive, send_signal, stop_family, wait_until
from kill_load import Load, check, kill_database

INSTANCES = 100
POSTGRES = max(Path("/usr/lib/postgresql").iterdir(), key=lambda p: float(p.name)) / "bin"


def as_owner(directory, *command):
    """Run a command of PostgreSQL as the user that its directory belongs to."""
    owner = directory.stat()
    drop = [] if os.geteuid() else ["setpriv", "--reuid", str(owner.st_uid), "--regid",
                                    str(owner.st_gid), "--clear-groups"]
    done = subprocess.run([*drop, str(POSTGRES / command[0]), *map(str, command[1:])], cwd="/", text=True,
                          stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                          timeout=120, check=False)
    assert done.returncode == 0, f"{command}: {done.stdout}"


def owned(directory, isthmus):
    owner = (isthmus.dir / "postgres").stat()
    directory.mkdir(mode=0o700)
    os.chown(directory, owner.st_uid, owner.st_gid)
    return directory


def as_superuser(isthmus, *statements):
    for statement in statements:
        subprocess.run(["psql", "-XAtq", "-v", "ON_ERROR_STOP=1", isthmus.db.replace("user=isthmus", "user=postgres"),
                        "-c", statement], check=True, stdout=subprocess.DEVNULL)


def connected(isthmus):
    """The listener's workers and the publisher have been here since the configuration changed."""
    for name in ("isthmus-scp", "isthmus-fhir"):
        isthmus.restart(name)


def answers(isthmus):
    return subprocess.run(["psql", "-XAtqc", "select 1", isthmus.db], capture_output=True, check=False).returncode == 0


def half_way(load):
    wait_until(lambda: len(load.acknowledged) >= INSTANCES // 3, 120, "a third of the load")


@contextmanager
def standby(isthmus, scratch):
    """A second host: a synchronous standby, so that what the first committed is there."""
    data, socket = scratch / "standby", owned(scratch / "socket", isthmus)
    owned(scratch / "log", isthmus)
    primary = isthmus.dir / "socket"
    as_owner(isthmus.dir / "postgres", "pg_basebackup", "-h", primary, "-U", "postgres", "-D", data, "-R", "-c", "fast")
    as_owner(data, "pg_ctl", "-D", data, "-w", "-l", scratch / "log/postgresql", "-o",
             f"-k {socket} -c synchronous_standby_names=''", "start")
    as_superuser(isthmus, "alter system set synchronous_standby_names = '*'", "select pg_reload_conf()")
    wait_until(lambda: isthmus.sql("show synchronous_standby_names") == [["*"]], what="the configuration")
    as_superuser(isthmus, "checkpoint")  # who makes it is who tells all others that commits wait from now on
    wait_until(lambda: isthmus.sql("select count(*) from pg_stat_replication")[0] == ["1"], 60, "the standby")
    try:
        yield data, socket
    finally:
        as_owner(data, "pg_ctl", "-D", data, "-m", "immediate", "stop")


def fail_over():
    with tempfile.TemporaryDirectory(prefix="isthmus-standby.") as name, Isthmus() as isthmus:
        scratch = Path(name)
        owner = (isthmus.dir / "postgres").stat()
        os.chown(scratch, owner.st_uid, owner.st_gid)
        with standby(isthmus, scratch) as (data, socket):
            hosts = f"{isthmus.dir}/socket,{socket}"
            isthmus.configure("database", conninfo=f'"host={hosts} dbname=isthmus target_session_attrs=read-write"')
            connected(isthmus)
            load = Load(isthmus, "500", INSTANCES)
            half_way(load)
            kill_database(isthmus)
            as_owner(data, "pg_ctl", "-D", data, "-w", "promote")
            isthmus.db = isthmus.db.replace(f"{isthmus.dir}/socket", str(socket))
            load.finish()
            check(isthmus, load.acknowledged)


def no_connection_left(isthmus):
    """Others hold all of them; no worker has one yet."""
    as_superuser(isthmus, "alter role \"isthmus-scp\" connection limit 0")
    isthmus.restart("isthmus-scp")
    load = Load(isthmus, "600", INSTANCES)
    load.finish()
    waiting = len(list((isthmus.dir / "store/incoming").iterdir()))
    assert waiting == INSTANCES, f"{waiting} wait"
    as_superuser(isthmus, "alter role \"isthmus-scp\" connection limit -1")
    check(isthmus, load.acknowledged)


def stored(isthmus):
    """So many had their row before their answer, on associations that are over."""
    return sum(int(n) for n in re.findall(r" (\d+) stored", isthmus.logs()))


def slow(isthmus):
    """Each COMMIT takes a while: the sender waits for it, nothing goes to the spool, and others are served."""
    as_superuser(isthmus, "create function public.wait() returns trigger language plpgsql as "
                 "$$ begin perform pg_sleep(0.1); return null; end $$",
                 "create constraint trigger wait after insert on isthmus.instance deferrable initially deferred "
                 "for each row execute function public.wait()")
    isthmus.restart("isthmus-scp")  # who has just found it away does not ask again at once
    before = stored(isthmus)
    load = Load(isthmus, "650", INSTANCES)
    half_way(load)
    assert dicom.echo(isthmus.address, isthmus.aet) == 0
    load.finish()
    wait_until(lambda: stored(isthmus) == before + INSTANCES, what="the row of each instance before its answer")
    as_superuser(isthmus, "drop trigger wait on isthmus.instance", "drop function public.wait")
    check(isthmus, load.acknowledged)


def stands_still(isthmus):
    """A lock that nobody lets go of: statements end by their time limit."""
    isthmus.configure("database", statement_timeout=1)
    isthmus.restart("isthmus-scp")
    with subprocess.Popen(["psql", "-XAtq", isthmus.db], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                          text=True) as other:
        other.stdin.write("begin; lock table isthmus.study; select 'locked';\n")
        other.stdin.flush()
        assert other.stdout.readline().strip() == "locked"
        load = Load(isthmus, "700", INSTANCES // 5)
        load.finish()
        assert list((isthmus.dir / "store/incoming").iterdir())
        other.stdin.close()
        other.wait()
    check(isthmus, load.acknowledged)


@contextmanager
def stopped(pid):
    """A process and its children."""
    family = [pid]
    try:
        family = stop_family(pid)
        yield
    finally:
        for one in family:
            send_signal(one, signal.SIGCONT)


def frozen(isthmus):
    """Its processes are there and do nothing, not even what statement_timeout says: workers give the
    connections up that they have."""
    isthmus.configure("database", statement_timeout=1, connect_timeout=2)
    isthmus.restart("isthmus-scp")
    before, query = Load(isthmus, "750", INSTANCES // 5), Query(isthmus)
    before.finish()
    wait_until(lambda: query.find("STUDY", t00100020=("LO", "nobody"))[1][0x0900] == 0, what="an answer in a second")
    wait_until(lambda: not list((isthmus.dir / "store/incoming").iterdir()), what="the rows of what came before")
    with stopped(isthmus.postmaster()):
        load = Load(isthmus, "760", INSTANCES // 5)
        assert query.find("STUDY", t00100020=("LO", "nobody"))[1][0x0900] == 0xA700
        load.finish()
        assert len(list((isthmus.dir / "store/incoming").iterdir())) == INSTANCES // 5
    query.release()
    check(isthmus, before.acknowledged | load.acknowledged)


def no_space_for_its_log(isthmus):
    """PostgreSQL ends itself when its log cannot be written, and gives up when there is no space after that
    either; who looks after it then starts it again."""
    wal = isthmus.dir / "postgres/pg_wal"
    ballast = wal / "ballast"
    owner = (isthmus.dir / "postgres").stat()
    small = isthmus.dir / "wal"
    as_owner(isthmus.dir / "postgres", "pg_ctl", "-D", isthmus.dir / "postgres", "-w", "-m", "fast", "stop")
    small.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size=96m,mode=0700,uid={owner.st_uid},gid={owner.st_gid}", "tmpfs",
                    small], check=True)
    try:
        subprocess.run(["cp", "-a", f"{wal}/.", small], check=True)
        wal.rename(wal.with_name("pg_wal.before"))
        wal.symlink_to(small)
        isthmus.start()
        postmaster = isthmus.postmaster()
        connected(isthmus)
        isthmus.sql("create table public.filler (a text)")
        isthmus.sql("alter table public.filler alter a set storage plain")
        with open(ballast, "wb") as f:
            free = os.statvfs(small)
            f.write(bytes(max(0, free.f_bavail * free.f_frsize - (1 << 20))))
        load = Load(isthmus, "800", INSTANCES)
        half_way(load)
        fill = subprocess.run(["psql", "-XAtq", isthmus.db, "-c",
                               "insert into public.filler select repeat('x', 6000) from generate_series(1, 20000)"],
                              check=False, capture_output=True, text=True)
        assert fill.returncode, "the log did not run full"
        load.finish()
        ballast.unlink()
        wait_until(lambda: answers(isthmus) or not alive(postmaster), what="the database, or its end")
        isthmus.start()
        check(isthmus, load.acknowledged)
    finally:
        with suppress(FileNotFoundError):
            kill_database(isthmus)
        subprocess.run(["umount", "-l", small], check=True)


fail_over()
with Isthmus() as isthmus:
    no_connection_left(isthmus)
    slow(isthmus)
    stands_still(isthmus)
    frozen(isthmus)
if os.geteuid() == 0:
    with Isthmus() as isthmus:
        no_space_for_its_log(isthmus)
else:
    print("skipped: a full disk under the database, which only root can make")
