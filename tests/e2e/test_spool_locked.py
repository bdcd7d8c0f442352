#!/usr/bin/env python3
"""A file of the spool whose study is locked: those of other studies are indexed all the same."""
import os
import subprocess
import time

import dicom_raw as dicom
from harness import Isthmus, wait_until

LOCKED, FREE = "2.25.1001", "2.25.1002"


def store(isthmus, study, instance):
    a = dicom.Association(isthmus.address, isthmus.aet, [(dicom.CT_IMAGE, [dicom.EXPLICIT])])
    answer = a.c_store(dicom.CT_IMAGE, instance, dicom.EXPLICIT,
                       dicom.ct(study, f"{study}.0", instance))
    assert answer[0x0900] == 0, answer
    a.release()


def spool_copy(isthmus, blob, study, instance, new_study, new_instance, order):
    """A sealed file in incoming/, as a receiver leaves it that dies before its row is there."""
    data = isthmus.stored_path(blob).read_bytes()
    for old, new in ((instance, new_instance), (f"{study}.0", f"{new_study}.0"), (study, new_study)):
        assert len(old) == len(new) and old.encode() in data
        data = data.replace(old.encode(), new.encode())
    now_ms = int(time.time() * 1000) - 5000 + order
    name = f"{now_ms << 20:016x}"
    minute = time.strftime("%Y%m%d/%H%M", time.gmtime(now_ms / 1000))
    directory = isthmus.dir / "store/objects" / minute
    directory.mkdir(parents=True, exist_ok=True)
    path = isthmus.dir / "store/incoming" / name
    sealed = directory / f"{name}.dcm"
    sealed.write_bytes(data)
    os.link(sealed, path)
    for made in (directory.parent, directory, sealed):
        owner = (isthmus.dir / "store/incoming").stat()
        os.chown(made, owner.st_uid, owner.st_gid)


def instances(isthmus):
    return {row[0] for row in isthmus.sql("select sop_instance_uid from isthmus.instance")}


with Isthmus() as isthmus:
    isthmus.configure("database", statement_timeout=1)
    store(isthmus, LOCKED, f"{LOCKED}.1")
    blob = isthmus.sql("select blob from isthmus.instance")[0][0]
    spool_copy(isthmus, blob, LOCKED, f"{LOCKED}.1", LOCKED, f"{LOCKED}.2", 1)
    spool_copy(isthmus, blob, LOCKED, f"{LOCKED}.1", FREE, f"{FREE}.3", 2)
    with subprocess.Popen(["psql", "-XAtq", isthmus.db], stdin=subprocess.PIPE,
                          stdout=subprocess.PIPE, text=True) as other:
        other.stdin.write("begin; select 'locked' from isthmus.study for update;\n")
        other.stdin.flush()
        assert other.stdout.readline().strip() == "locked"
        isthmus.restart("isthmus-scp")
        wait_until(lambda: f"{FREE}.3" in instances(isthmus), what="the file of the other study")
        assert f"{LOCKED}.2" not in instances(isthmus)
        other.stdin.write("rollback;\n")
        other.stdin.close()
        other.wait()
    wait_until(lambda: f"{LOCKED}.2" in instances(isthmus), what="the file of the locked study")
    assert not list((isthmus.dir / "store/incoming").iterdir())
