"""Loads that go on whatever is killed, and what must hold afterwards."""
import hashlib
import threading
import time

import dicom_raw as dicom
from harness import stop_family, wait_until

SENDERS = 4
STUDIES = 5


class Load:
    """SENDERS threads that each send their share, every third one large (see index_begin() in
    store/index.h), every sixth so that it is written as store/direct.h does, and try again until
    it is answered Success."""

    def __init__(self, isthmus, salt, instances):
        self.isthmus, self.salt, self.instances = isthmus, salt, instances
        self.acknowledged, self.lock, self.abandoned = {}, threading.Lock(), False
        self.threads = [threading.Thread(target=self._send_share, args=(n,)) for n in range(SENDERS)]
        for thread in self.threads:
            thread.start()

    def instance(self, n):
        study = f"2.25.{self.salt}{n % STUDIES}"
        uid = f"{study}.{n + 1}"
        kib = 8 if n % 3 else 100 if n % 6 else 600
        return study, uid, dicom.ct(study, f"{study}.0", uid, n, kib=kib)

    def _send_share(self, share):
        association, n = None, share
        while n < self.instances and not self.abandoned:
            study, uid, data = self.instance(n)
            try:
                association = association or dicom.Association(
                    self.isthmus.address, self.isthmus.aet, [(dicom.CT_IMAGE, [dicom.EXPLICIT])])
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


def kill_database(isthmus):
    """The postmaster and all its processes: nobody is answered any more."""
    for pid in stop_family(isthmus.postmaster()):
        isthmus.kill(pid)
    return "postgresql"


def check(isthmus, acknowledged, leftovers=False):
    """@leftovers: files that no row names may be there, of instances that were not acknowledged."""
    def indexed():
        return dict(isthmus.sql("select sop_instance_uid, blob from isthmus.instance"))

    wait_until(lambda: set(acknowledged) <= set(indexed()), 120,
               "the row of every acknowledged instance")
    blobs = indexed()
    for uid, (_, digest) in acknowledged.items():
        _, data = dicom.part10(isthmus.stored_path(blobs[uid]))
        assert hashlib.sha256(data).digest() == digest, f"the file of {uid} differs"
    verify = isthmus.tool("verify", check=not leftovers)
    wrong = [line for line in verify.stdout.splitlines()[:-1] if not line.endswith("no row names this file")]
    assert not wrong, verify.stdout

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
    # A resend would have mended it.
    assert "was gone or damaged" not in isthmus.logs(), "a row was committed before its file was on the disk"
