#!/usr/bin/env python3
"""A file of the spool whose study is locked: those of other studies are indexed all the same, and
'isthmus status' says how many wait."""
# fault
import contextlib
import json
import subprocess

import dicom_raw as dicom
from harness import Isthmus, wait_until

LOCKED, FREE = "2.25.1001", "2.25.1002"


def store(isthmus, study, instance):
    a = dicom.Association(isthmus.address, isthmus.aet, [(dicom.CT_IMAGE, [dicom.EXPLICIT])])
    answer = a.c_store(dicom.CT_IMAGE, instance, dicom.EXPLICIT,
                       dicom.ct(study, f"{study}.0", instance))
    assert answer[0x0900] == 0, answer
    a.release()


@contextlib.contextmanager
def locked(isthmus, study):
    with subprocess.Popen(["psql", "-XAtq", isthmus.db], stdin=subprocess.PIPE,
                          stdout=subprocess.PIPE, text=True) as other:
        other.stdin.write("begin; select 'locked' from isthmus.study "
                          "join isthmus.tally using (study_key) "
                          f"where study_instance_uid = '{study}' for update;\n")
        other.stdin.flush()
        assert other.stdout.readline().strip() == "locked"
        yield
        other.stdin.close()


def instances(isthmus):
    return {row[0] for row in isthmus.sql("select sop_instance_uid from isthmus.instance")}


def waits(isthmus, number):
    """Both say so."""
    return json.loads(isthmus.tool("status", "--json").stdout)["spooled"] == number and \
        f"files waiting for a row    {number}\n" in isthmus.tool("status").stdout


with Isthmus() as isthmus:
    isthmus.configure("database", statement_timeout=1)
    isthmus.restart("isthmus-scp")
    for study in (LOCKED, FREE):
        store(isthmus, study, f"{study}.1")
    wait_until(lambda: len(instances(isthmus)) == 2, what="the rows of what came first")
    with locked(isthmus, LOCKED):
        with locked(isthmus, FREE):
            for study in (LOCKED, FREE):
                store(isthmus, study, f"{study}.2")
            assert len(instances(isthmus)) == 2
            assert waits(isthmus, 2)
        wait_until(lambda: f"{FREE}.2" in instances(isthmus), what="the file of the other study")
        assert f"{LOCKED}.2" not in instances(isthmus)
        wait_until(lambda: waits(isthmus, 1), what="a status that follows")
    wait_until(lambda: f"{LOCKED}.2" in instances(isthmus), what="the file of the locked study")
    wait_until(lambda: waits(isthmus, 0), what="an empty spool")
    wait_until(lambda: not list((isthmus.dir / "store/incoming").iterdir()), what="an empty incoming/")
