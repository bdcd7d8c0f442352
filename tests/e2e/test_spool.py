#!/usr/bin/env python3
"""The database goes away under an association that stays open, and comes back.

Every instance is answered Success; what came meanwhile is indexed while the association is still
open, in order; what came twice is there once, and what came with other bytes is a conflict. Queries are
answered A700H meanwhile, and then as ever on the same association. With when_database_down = refuse
instances are answered A700H too.

A file that can never be indexed, and one that cannot be synced, keep nothing else from being done.
"""
# fault
import os

import dicom_raw as dicom
import orders
from dicom_query import Query
from harness import Isthmus, damage, wait_until
from kill_load import kill_database


def send(association, number, study="1.2.826.9", **other):
    uid = f"{study}.{number}"
    data = dicom.ct(study, f"{study}.1000", uid, number, **other)
    return association.c_store(dicom.CT_IMAGE, uid, dicom.EXPLICIT, data)[0x0900]


def found(query):
    """How many studies, and the status."""
    matches, answer = query.find("STUDY", t0020000D=("UI", "1.2.826.9"))
    assert answer[0x0900] == 0 or answer[0x0902], "no Error Comment"
    return len(matches), answer[0x0900]


def open_association(isthmus):
    return dicom.Association(isthmus.address, isthmus.aet, [(dicom.CT_IMAGE, [dicom.EXPLICIT])])


def indexed(isthmus):
    return isthmus.sql("select instance_number from isthmus.instance order by instance_key")


def check_spool(isthmus):
    a, q = open_association(isthmus), Query(isthmus)
    assert send(a, 1) == 0
    assert found(q) == (1, 0)
    kill_database(isthmus)
    assert found(q) == (0, 0xA700)
    assert [send(a, n) for n in range(2, 7)] == [0] * 5, "safe in its file is safe"
    assert [send(a, 3), send(a, 1), send(a, 5, name="Other^Name")] == [0] * 3, "sent again"
    isthmus.start()
    wait_until(lambda: [int(n) for n, in indexed(isthmus)] == [1, 2, 3, 4, 5, 6], 60,
               "the rows of what was spooled, in order, while the association is open")
    assert send(a, 7) == 0
    a.release()
    assert found(q) == (1, 0)
    q.release()
    wait_until(lambda: len(indexed(isthmus)) == 7, what="the row of what came after")
    wait_until(lambda: not list((isthmus.dir / "store/incoming").iterdir()), what="the end of the spool")
    conflicts = isthmus.sql("select sop_instance_uid, reason from isthmus.conflict")
    assert conflicts == [["1.2.826.9.5", "other bytes"]], conflicts
    shown = isthmus.sql("select patient_name from isthmus.patient")
    assert shown == [["Load^Test"]], "the first is what is shown"
    assert len(list((isthmus.dir / "store/objects").rglob("*.dcm"))) == 8, "one row, one file"
    isthmus.tool("verify")


def check_refuse(isthmus):
    isthmus.configure("scp", when_database_down='"refuse"')
    isthmus.restart("isthmus-scp")
    kill_database(isthmus)
    a = open_association(isthmus)
    assert send(a, 8) == 0xA700
    a.release()
    isthmus.start()
    a = open_association(isthmus)
    wait_until(lambda: send(a, 8) == 0, what="a worker that asks the database again")
    a.release()
    assert len(indexed(isthmus)) == 8


def damaged(incoming):
    """The file that waits there."""
    path, = incoming.iterdir()
    damage(path)
    return path


def not_to_be_synced(incoming):
    """A pipe, with the two names of a sealed file from when it is there: fsync() refuses it."""
    first, path, owner = incoming.parent / "pipe", incoming / f"{1:016x}", incoming.stat()
    os.mkfifo(first, 0o600)
    os.chown(first, owner.st_uid, owner.st_gid)
    path.hardlink_to(first)
    return path


def check_stuck(isthmus):
    """What waits beside them is indexed, and the studies of new orders are looked for."""
    incoming, plan = isthmus.dir / "store/incoming", orders.plans(2)
    a = open_association(isthmus)
    for number, stuck in enumerate((damaged, not_to_be_synced)):
        study = f"1.2.826.8.{number}"
        kill_database(isthmus)
        assert send(a, 1, f"{study}.1") == 0
        path = stuck(incoming)
        assert send(a, 1, study, accession=plan[number]["accession"]) == 0
        isthmus.start()
        state = f"select order_state from isthmus.order_match join isthmus.study using (study_key) " \
            f"where study_instance_uid = '{study}'"
        wait_until(lambda: isthmus.sql(state) == [["unknown accession number"]], what="what waits beside it")
        orders.put(isthmus, plan[number:number + 1])
        wait_until(lambda: isthmus.sql(state) == [["patient differs"]], what="a look at the order")
        assert path.exists()
        path.unlink()
    a.release()


with Isthmus() as isthmus:
    check_spool(isthmus)
    check_refuse(isthmus)
with Isthmus() as isthmus:
    check_stuck(isthmus)
