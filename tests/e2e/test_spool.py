#!/usr/bin/env python3
"""The database goes away under an association that stays open, and comes back.

Every instance is answered Success; what came meanwhile is indexed while the association is still
open, in order; with when_database_down = refuse it is answered A700H instead.
"""
import dicom_raw as dicom
from harness import Isthmus, wait_until


def send(association, number):
    uid = f"1.2.826.9.{number}"
    data = dicom.ct("1.2.826.9", "1.2.826.9.1000", uid, number)
    return association.c_store(dicom.CT_IMAGE, uid, dicom.EXPLICIT, data)[0x0900]


def open_association(isthmus):
    return dicom.Association(isthmus.address, isthmus.aet, [(dicom.CT_IMAGE, [dicom.EXPLICIT])])


def indexed(isthmus):
    return isthmus.sql("select instance_number from isthmus.instance order by instance_key")


def check_spool(isthmus):
    a = open_association(isthmus)
    assert send(a, 1) == 0
    isthmus.kill(isthmus.postmaster())
    assert [send(a, n) for n in range(2, 7)] == [0] * 5, "safe in its file is safe"
    isthmus.start()
    wait_until(lambda: [int(n) for n, in indexed(isthmus)] == [1, 2, 3, 4, 5, 6], 60,
               "the rows of what was spooled, in order, while the association is open")
    assert send(a, 7) == 0
    a.release()
    assert len(indexed(isthmus)) == 7
    assert not list((isthmus.dir / "store/incoming").iterdir()), "nothing waits any more"
    isthmus.tool("verify")


def check_refuse(isthmus):
    isthmus.configure("scp", when_database_down='"refuse"')
    isthmus.restart("isthmus-scp")
    isthmus.kill(isthmus.postmaster())
    a = open_association(isthmus)
    assert send(a, 8) == 0xA700
    a.release()
    isthmus.start()
    a = open_association(isthmus)
    assert send(a, 8) == 0
    a.release()
    assert len(indexed(isthmus)) == 8


with Isthmus() as isthmus:
    check_spool(isthmus)
    check_refuse(isthmus)
