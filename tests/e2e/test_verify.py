#!/usr/bin/env python3
"""verify goes on where it was stopped, keeps to its rate, and forgets nothing that it found."""
# fault
import json
import re
import signal
import time

import dicom_raw as dicom
from harness import Isthmus, damage, wait_until

INSTANCES, BATCH = 700, 200
SMALL_KIB, LARGE_KIB = 1, 64  # at a rate that compares the first batch in seconds the second takes minutes


def fill(isthmus):
    """The first batch is of small ones."""
    a = dicom.Association(isthmus.address, isthmus.aet, [(dicom.CT_IMAGE, [dicom.EXPLICIT])])
    for n in range(INSTANCES):
        uid = f"2.25.800.{n}"
        assert a.c_store(dicom.CT_IMAGE, uid, dicom.EXPLICIT,
                         dicom.ct("2.25.800", "2.25.800.1", uid, n, SMALL_KIB if n < BATCH else LARGE_KIB)
                         )[0x0900] == 0
    a.release()


def damage_file(isthmus, n):
    blob = isthmus.sql(f"select blob from isthmus.instance where sop_instance_uid = '2.25.800.{n}'")
    return damage(isthmus.stored_path(blob[0][0]))


def compared(isthmus):
    state = isthmus.sql("select rows from isthmus.verification")
    return int(state[0][0]) if state else 0


def result(isthmus, *options):
    done = isthmus.owner_tool("verify", "--json", *options, check=False)
    assert done.returncode in (0, 1) and not done.stderr, done
    return done.returncode, json.loads(done.stdout)


def check_stopped(isthmus):
    """A file in what was compared before it was killed, and one after it, are both counted."""
    early, late = damage_file(isthmus, 0), damage_file(isthmus, INSTANCES - 1)
    began = time.monotonic()
    running = isthmus.owner_tool("verify", "--rate", "0.1", start=True)
    wait_until(lambda: compared(isthmus) > 0, what="the first batch")
    running.send_signal(signal.SIGSTOP)
    second = isthmus.owner_tool("verify", check=False)
    assert second.returncode == 3 and "running already" in second.stderr, second
    running.send_signal(signal.SIGKILL)
    running.communicate()
    before = compared(isthmus)
    assert before == BATCH, before
    # as many bytes as that took at that rate
    assert time.monotonic() - began > before * SMALL_KIB * 1024 / 0.1e6, "faster than --rate"
    early()
    wait_until(lambda: not isthmus.sql("select from pg_locks where locktype = 'advisory'"),
               what="the end of the killed one's session")
    code, found = result(isthmus)
    assert (code, found["checked"], found["wrong"]) == (1, INSTANCES, 2), found
    assert found["bytes"] == sum(int(b) for (b,) in
                                 isthmus.sql("select size_bytes from isthmus.instance")), found
    assert len(found["problems"]) == 1, "what is behind it is not compared again"
    late()
    code, found = result(isthmus)
    assert (code, found["checked"], found["wrong"]) == (0, INSTANCES, 0), found


def check_restart(isthmus):
    isthmus.sql("insert into isthmus.verification (instance_key, rows) select max(instance_key), 7 "
                "from isthmus.instance")
    assert result(isthmus, "--restart")[1]["checked"] == INSTANCES
    isthmus.sql("insert into isthmus.verification (instance_key, rows) select max(instance_key), 7 "
                "from isthmus.instance")
    assert result(isthmus)[1]["checked"] == 7
    assert compared(isthmus) == 0, "the next one begins anew"


def seconds_left(total, done, rate):
    """What a bar has to say that knows this."""
    unit = {"B": 1, "KiB": 1024, "MiB": 1048576}
    amount, per_s = (float(text.split()[0]) * unit[text.split()[1]] for text in (done, rate))
    return (total - amount) / per_s


def check_progress(isthmus):
    """On a terminal a bar, how fast it is and how long it still takes; it is wiped in the end."""
    shown = isthmus.on_terminal("verify", "--rate", "8")
    bars = re.findall(r"\[(#*)\.*\] +(\d+) %  (\S+ \S+)  (\S+ \S+)/s(?:  left (\d+):(\d\d))?", shown)
    assert len(bars) > 3 and bars == sorted(bars, key=lambda bar: (len(bar[0]), int(bar[1]))), shown
    assert all(abs(len(bar) - 0.3 * int(percent)) < 1.2 for bar, percent, *_ in bars), shown
    total = int(isthmus.sql("select sum(size_bytes) from isthmus.instance")[0][0])
    left = [(60 * int(minutes) + int(seconds), seconds_left(total, done, rate))
            for _, _, done, rate, minutes, seconds in bars if minutes]
    assert left and all(abs(said - wanted) < 1.2 + wanted / 10 for said, wanted in left), (left, shown)
    assert shown.endswith("\r\033[K"), shown


with Isthmus() as isthmus:
    fill(isthmus)
    check_stopped(isthmus)
    check_restart(isthmus)
    check_progress(isthmus)
