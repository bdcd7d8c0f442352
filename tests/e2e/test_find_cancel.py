#!/usr/bin/env python3
"""Who no longer wants an answer gets no more of it, and its statement leaves the database.

After the third of many matches, and while no match has come yet: C-CANCEL, A-ABORT, a closed
connection, and a client that stops reading.
"""
import os
import socket
import struct
import subprocess
import time

import dicom_query as q
import dicom_raw as dicom
from harness import TOP, Isthmus, wait_until

STUDIES = int(os.environ.get("ISTHMUS_CANCEL_STUDIES", "20000"))
ON_THEIR_WAY = 1500  # matches in the buffers of both ends, if the kernel does not hold megabytes
LIMIT_MS = int(os.environ.get("ISTHMUS_CANCEL_MS", "30000"))  # 1000 on a machine that has nothing else to do
KEYS = {"t0020000D": ("UI", ""), "t00100010": ("PN", ""), "t00100020": ("LO", ""), "t00081030": ("LO", ""),
        "t00080062": ("UI", ""), "t00080090": ("PN", ""), "t00401001": ("SH", "")}


def fill(isthmus):
    """Straight into the tables; only their rows matter here."""
    subprocess.run(["psql", "-Xq", "-v", "ON_ERROR_STOP=1", isthmus.db, "-f",
                    str(TOP / "tests/bench/population.sql"), "-c", f"select bench.fill({STUDIES}, 1, 1)",
                    "-c", "analyze isthmus.patient, isthmus.study"], check=True, stdout=subprocess.DEVNULL)


def statements(isthmus, condition="true"):
    """How many queries of listeners run in the database; only a superuser sees those of others."""
    done = subprocess.run(["psql", "-XAtq", isthmus.db.replace("user=isthmus", "user=postgres"), "-c",
                           "select count(*) from pg_stat_activity where usename = 'isthmus-scp'"
                           f" and state = 'active' and query ilike 'select %' and {condition}"],
                          check=True, capture_output=True, text=True)
    return int(done.stdout)


def asking(isthmus):
    """A query for all studies, on a connection that holds little of the answer."""
    query = q.Query(isthmus)
    query.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 65536)
    query.ask(q.identifier("STUDY", **KEYS))
    return query


def after_three(isthmus):
    query = asking(isthmus)
    for _ in range(3):
        assert query.next()[0] == 0xFF00
    assert statements(isthmus) == 1, "the statement has ended before the third match was read"
    return query


def cancelled(query):
    """C-CANCEL; matches that were on their way still come. Milliseconds until the final status."""
    began = time.monotonic()
    query.cancel()
    status, more = 0xFF00, -1
    while status == 0xFF00:
        status, _, _ = query.next()
        more += 1
    took = (time.monotonic() - began) * 1000
    assert status == 0xFE00, f"{status:04X}H after {more} matches more"
    return took, more


def abort(query):
    query.socket.sendall(struct.pack(">BBIHBB", 7, 0, 4, 0, 0, 0))
    query.close()


def reset(query):
    query.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    query.close()


def check_cancel(isthmus):
    query = after_three(isthmus)
    wait_until(lambda: statements(isthmus, "wait_event = 'ClientWrite'") == 1, what="full buffers everywhere")
    took, more = cancelled(query)
    wait_until(lambda: statements(isthmus) == 0, what="the end of a cancelled statement")
    print(f"C-CANCEL after 3 of {STUDIES} matches: FE00H in {took:.1f} ms, {more} matches more")
    assert took < LIMIT_MS, took
    assert more < ON_THEIR_WAY, more
    matches, last = query.find("STUDY", t00080050=("SH", "A000000007"))
    assert len(matches) == 1 and last[0x0900] == 0, "the association does not go on"
    query.cancel()  # of what has been answered already: not an error
    matches, last = query.find("STUDY", t00080050=("SH", "A000000008"))
    assert len(matches) == 1 and last[0x0900] == 0, "a late C-CANCEL struck the next query"
    query.release()


def check_leaving(isthmus):
    for leave in (abort, reset, q.Query.close):
        leave(after_three(isthmus))
        wait_until(lambda: statements(isthmus) == 0, what=f"the end of the statement after {leave.__name__}")


class LockedStudies:
    """While it is held, a query for studies waits before its first match."""

    def __init__(self, isthmus):
        self.psql = subprocess.Popen(["psql", "-XAtq", isthmus.db], stdin=subprocess.PIPE,
                                     stdout=subprocess.PIPE, text=True)
        self.psql.stdin.write("begin; lock table isthmus.study; select 'locked';\n")
        self.psql.stdin.flush()

    def __enter__(self):
        assert self.psql.stdout.readline() == "locked\n"

    def __exit__(self, *_):
        self.psql.communicate("rollback;\n")


def check_before_the_first_match(isthmus):
    for leave in (cancelled, abort, reset, q.Query.close):
        with LockedStudies(isthmus):
            query = asking(isthmus)
            wait_until(lambda: statements(isthmus) == 1, what="the statement")
            leave(query)
            wait_until(lambda: statements(isthmus) == 0, what=f"the end of the statement after {leave.__name__}")
        if leave is cancelled:
            assert query.find("STUDY", t00080050=("SH", "A000000007"))[1][0x0900] == 0
            query.release()


def check_statement_timeout(isthmus):
    with LockedStudies(isthmus):
        query = asking(isthmus)
        status, _, last = query.next()
    assert status == 0xA700 and "too long" in last[0x0902], last
    wait_until(lambda: query.find("STUDY", t00080050=("SH", "A000000007"))[1][0x0900] == 0, what="an answer in a second")
    query.release()


def check_who_does_not_read(isthmus):
    isthmus.configure("scp", pdu_timeout=1)
    isthmus.restart("isthmus-scp")
    query = asking(isthmus)
    assert query.next()[0] == 0xFF00
    wait_until(lambda: statements(isthmus) == 0, what="the end of the statement of who does not read")
    matches = 1
    try:
        while query.next()[0] == 0xFF00:
            matches += 1
        raise AssertionError("all matches were sent")
    except (dicom.Refused, ConnectionResetError):
        assert matches < STUDIES, "the statement had come to its end"
    query.close()


with Isthmus() as i:
    fill(i)
    check_cancel(i)
    check_leaving(i)
    check_before_the_first_match(i)
    check_who_does_not_read(i)
    i.configure("database", statement_timeout=1)
    i.restart("isthmus-scp")
    check_statement_timeout(i)
