#!/usr/bin/env python3
"""kill -9 of a worker, the parent, the publisher or the database during a load, at random moments.

After restart every instance that was answered Success is in the index, in its file bit for bit
and in the published ImagingStudy, and verify agrees. ISTHMUS_KILL_INSTANCES and
ISTHMUS_KILL_ROUNDS scale it, ISTHMUS_KILL_SEED repeats a run.
"""
# timeout: 600
import hashlib
import os
import random
import threading
import time

import dicom_raw as dicom
from harness import Isthmus, alive, children, wait_until

INSTANCES = int(os.environ.get("ISTHMUS_KILL_INSTANCES", "400"))
ROUNDS = int(os.environ.get("ISTHMUS_KILL_ROUNDS", "6"))
SEED = int(os.environ.get("ISTHMUS_KILL_SEED", str(random.randrange(1 << 30))))
SENDERS = 4
STUDIES = 5


class Load:
    """SENDERS threads that each send their share and try again until it is answered Success."""

    def __init__(self, isthmus, salt):
        self.isthmus, self.salt = isthmus, salt
        self.acknowledged, self.lock, self.abandoned = {}, threading.Lock(), False
        self.threads = [threading.Thread(target=self._send_share, args=(n,)) for n in range(SENDERS)]
        for thread in self.threads:
            thread.start()

    def instance(self, n):
        study = f"2.25.{self.salt}{n % STUDIES}"
        uid = f"{study}.{n + 1}"
        return study, uid, dicom.ct(study, f"{study}.0", uid, n)

    def _send_share(self, share):
        association, n = None, share
        while n < INSTANCES and not self.abandoned:
            study, uid, data = self.instance(n)
            try:
                association = association or dicom.Association(
                    self.isthmus.address, self.isthmus.aet, [(dicom.CT_IMAGE, [dicom.EXPLICIT])],
                    timeout=20)
                answer = association.c_store(dicom.CT_IMAGE, uid, dicom.EXPLICIT, data)
            except (OSError, dicom.Refused):
                if association:
                    association.close()
                association = None
                time.sleep(0.05)
                continue
            if answer[0x0900] != 0:
                time.sleep(0.05)
                continue
            with self.lock:
                self.acknowledged[uid] = (study, hashlib.sha256(data).digest())
            n += SENDERS
        if association:
            association.close()

    def running(self):
        return any(thread.is_alive() for thread in self.threads)

    def finish(self):
        for thread in self.threads:
            thread.join(240)
        self.abandoned = True
        assert not self.running(), "the load does not come to an end"


def kill_worker(isthmus):
    workers = children(isthmus.pid("isthmus-scp"))
    isthmus.kill(random.choice(workers))
    return "a child of isthmus-scp"


def kill_parent(isthmus):
    isthmus.kill(isthmus.pid("isthmus-scp"))
    return "isthmus-scp"


def kill_publisher(isthmus):
    isthmus.kill(isthmus.pid("isthmus-fhir"))
    return "isthmus-fhir"


def kill_database(isthmus):
    postmaster = isthmus.postmaster()
    backends = children(postmaster)
    isthmus.kill(postmaster)
    for pid in backends:
        if alive(pid):
            isthmus.kill(pid)
    return "postgresql"


def check(isthmus, acknowledged):
    def indexed():
        return dict(isthmus.sql("select sop_instance_uid, blob from isthmus.instance"))

    wait_until(lambda: set(acknowledged) <= set(indexed()), 120,
               "the row of every acknowledged instance")
    blobs = indexed()
    for uid, (_, digest) in acknowledged.items():
        _, data = dicom.part10(isthmus.stored_path(blobs[uid]))
        assert hashlib.sha256(data).digest() == digest, f"the file of {uid} differs"
    isthmus.tool("verify")

    def published():
        found = {}
        for uid, study in isthmus.imaging_studies().items():
            found[uid] = {i["uid"] for s in study["series"] for i in s["instance"]}
        return found

    wanted = {}
    for uid, (study, _) in acknowledged.items():
        wanted.setdefault(study, set()).add(uid)
    wait_until(lambda: all(w <= published().get(s, set()) for s, w in wanted.items()), 120,
               "every acknowledged instance in an ImagingStudy")
    assert isthmus.sql("select count(*) from isthmus.conflict") == [["0"]], "a resend is no conflict"


def one_round(isthmus, number):
    load = Load(isthmus, f"{number + 1}00")
    victims = [kill_worker, kill_parent, kill_publisher, kill_database]
    victim = victims[number % len(victims)]
    goal = random.randrange(1, INSTANCES * 3 // 4)
    wait_until(lambda: len(load.acknowledged) >= goal or not load.running(), 120, "the load")
    time.sleep(random.random() * 0.02)
    name = victim(isthmus)
    at = len(load.acknowledged)
    isthmus.start()
    load.finish()
    assert len(load.acknowledged) == INSTANCES
    check(isthmus, load.acknowledged)
    print(f"round {number}: killed {name} after {at} of {INSTANCES} instances", flush=True)


print("seed", SEED, flush=True)
random.seed(SEED)
with Isthmus() as isthmus:
    for number in range(ROUNDS):
        one_round(isthmus, number)
