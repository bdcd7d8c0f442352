#!/usr/bin/env python3
"""The power goes during a load, at random moments: everything is killed, database included, and
the store forgets what was not synced (power_disk.py).

After restart every instance that was answered Success is in the index and in its file bit for bit,
nothing waits in incoming/ for ever, and verify agrees. In every second round the database was gone
before, and a part of them is in the spool. Before all that the disk fails for a while.
ISTHMUS_POWER_INSTANCES and ISTHMUS_POWER_ROUNDS scale it, ISTHMUS_POWER_SEED repeats a run.
"""
# fault
import os
import random
import signal
import tempfile
import time

import dicom_raw as dicom
from harness import Isthmus, stop_family, wait_until
from kill_load import Load, check, kill_database
from power_disk import Disk

INSTANCES = int(os.environ.get("ISTHMUS_POWER_INSTANCES", "150"))
ROUNDS = int(os.environ.get("ISTHMUS_POWER_ROUNDS", "5"))
SEED = int(os.environ.get("ISTHMUS_POWER_SEED", str(random.randrange(1 << 30))))


def lose_power(isthmus):
    """Every process at once, as far as that can be done: nobody makes another one meanwhile."""
    for pid in [pid for name in ("isthmus-scp", "isthmus-fhir") for pid in stop_family(isthmus.pid(name))]:
        isthmus.kill(pid)
    kill_database(isthmus)


def spool_some(isthmus, load):
    """Without a database: what then waits for its row was acknowledged all the same."""
    kill_database(isthmus)
    goal = len(load.acknowledged) + INSTANCES // 8
    wait_until(lambda: len(load.acknowledged) >= goal or not load.running(), 120, "the spool")


def one_round(isthmus, disk, number):
    load = Load(isthmus, f"{number + 1}00", INSTANCES)
    goal = random.randrange(1, INSTANCES * 3 // 4)
    wait_until(lambda: len(load.acknowledged) >= goal or not load.running(), 120, "the load")
    if number % 2:
        spool_some(isthmus, load)
    time.sleep(random.random() * 0.02)
    lose_power(isthmus)
    at = len(load.acknowledged)
    forgotten = disk.cut(random)
    isthmus.start()
    load.finish()
    assert len(load.acknowledged) == INSTANCES
    check(isthmus, load.acknowledged, leftovers=True)
    isthmus.owner_tool("reindex", "--delete-unneeded")  # what was not acknowledged has no row
    isthmus.tool("verify")
    wait_until(lambda: not os.listdir(isthmus.dir / "store/incoming"), 60, "an empty incoming/")
    print(f"round {number}: no power after {at} of {INSTANCES} instances, {forgotten} changes "
          "forgotten", flush=True)


def disk_fails(isthmus, disk, what, study):
    """What cannot be synced, or written, is refused and has no row, however large, and is taken when it
    can be."""
    a = dicom.Association(isthmus.address, isthmus.aet, [(dicom.CT_IMAGE, [dicom.EXPLICIT])])

    def send(n):
        uid = f"{study}.{n}"
        data = dicom.ct(study, f"{study}.0", uid, n, kib=8 if n % 2 else 512)
        return a.c_store(dicom.CT_IMAGE, uid, dicom.EXPLICIT, data)[0x0900]

    def stored():
        return isthmus.sql("select (select count(*) from isthmus.instance where sop_instance_uid like "
                           f"'{study}.%'), number_of_study_related_instances from "
                           "isthmus.study join isthmus.study_count using (study_key) "
                           f"where study_instance_uid = '{study}'")

    assert send(1) == send(2) == 0
    with disk.failing(what):
        answers = [send(n) for n in range(3, 9)]
    assert answers == [0xA700] * 6, answers
    assert stored() == [["2", "2"]], stored()
    wait_until(lambda: not os.listdir(isthmus.dir / "store/incoming"), what="the end of what was refused")
    assert [send(n) for n in range(3, 9)] == [0] * 6
    assert stored() == [["8", "8"]], stored()
    isthmus.tool("verify")
    a.release()


print("seed", SEED, flush=True)
random.seed(SEED)
with tempfile.TemporaryDirectory(prefix="isthmus-power.") as scratch, Isthmus() as isthmus:
    for name in ("isthmus-scp", "isthmus-fhir"):
        isthmus.kill(isthmus.pid(name), signal.SIGTERM)
    disk = Disk(isthmus.dir / "store", scratch)
    isthmus.environment.update(disk.environment())
    isthmus.start()
    disk_fails(isthmus, disk, "sync", "2.25.900")
    disk_fails(isthmus, disk, "write", "2.25.901")
    for number in range(ROUNDS):
        one_round(isthmus, disk, number)
