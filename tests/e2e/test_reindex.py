#!/usr/bin/env python3
"""The whole index from the files alone: what reindex makes in an empty database is row by row what
the listener made, but for keys; stopped, it goes on; where rows are, it adds the missing ones."""
# fault
import json
import os
import signal
import struct
import subprocess

import dicom_raw as dicom
from corpus import CORPUS, entries, send
from harness import Isthmus, damage, wait_until
from rebuild import TABLES, Fresh, rows

KEY_OBJECT = "1.2.840.10008.5.1.4.1.1.88.59"
PALETTE = "1.2.840.10008.5.1.4.39.1"

def store(isthmus, *data_sets, sop_class=dicom.CT_IMAGE):
    a = dicom.Association(isthmus.address, isthmus.aet, [(sop_class, [dicom.EXPLICIT])],
                          calling="CT1")
    for uid, data in data_sets:
        assert a.c_store(sop_class, uid, dicom.EXPLICIT, data)[0x0900] == 0, uid
    a.release()


def sequence(tag, *elements):
    body = b"".join(elements)
    return dicom.element(tag, "SQ", struct.pack("<HHI", 0xFFFE, 0xE000, len(body)) + body)


def note(uid, *named):
    """A note that rejects @named for quality reasons."""
    evidence = b"".join(struct.pack("<HHI", 0xFFFE, 0xE000, len(e)) + e for e in (
        dicom.element(0x00081150, "UI", dicom.CT_IMAGE) + dicom.element(0x00081155, "UI", n)
        for n in named))
    return b"".join((
        dicom.element(0x00080016, "UI", KEY_OBJECT), dicom.element(0x00080018, "UI", uid),
        dicom.element(0x00080060, "CS", "KO"), dicom.element(0x0020000D, "UI", "2.25.720"),
        dicom.element(0x0020000E, "UI", "2.25.720.9"),
        sequence(0x0040A043, dicom.element(0x00080100, "SH", "113001"),
                 dicom.element(0x00080102, "SH", "DCM")),
        sequence(0x0040A375, sequence(0x00081115, dicom.element(0x00081199, "SQ", evidence),
                                      dicom.element(0x0020000E, "UI", "2.25.700.0")),
                 dicom.element(0x0020000D, "UI", "2.25.700"))))


def fill(isthmus):
    """Studies that share patients, patients that differ, every kind of conflict, no patient."""
    def ct(study, n, series=1, instance=None, **text):
        uid = instance or f"2.25.{study}.{series}.{n}"
        return uid, dicom.ct(f"2.25.{study}", f"2.25.{study}.{series}", uid, n, **text)

    store(isthmus, *(ct(700 + n % 3, n, n % 2) for n in range(30)))
    store(isthmus, *(ct(710, n, name=f"Other^{n % 2}", id="") for n in range(4)))
    store(isthmus, ct(711, 1, id=""), ct(711, 2, id="A"), ct(711, 3, id="B"), ct(711, 4, accession=""))
    store(isthmus, ct(712, 1, accession=""), ct(712, 2, accession="LATE"),
          ct(712, 3, accession="OTHER"), ct(713, 1, name="Älter^Ünal"))
    first = "2.25.700.0.0"
    kinds = [ct(700, 0, 0), ct(700, 99, 0, first), ct(700, 0, 1, first), ct(799, 0, 0, first),
             ct(700, 0, 0, first, name="Other^Patient", id="X"), ct(700, 99, 0, first)]
    store(isthmus, *kinds)
    store(isthmus, ("2.25.720.9.9", note("2.25.720.9.9", "2.25.700.0.0", "2.25.701.1.1")),
          sop_class=KEY_OBJECT)
    palette = dicom.element(0x00080016, "UI", PALETTE) + dicom.element(0x00080018, "UI", "2.25.9") + \
        dicom.element(0x00700080, "CS", "HOT_IRON")
    store(isthmus, ("2.25.9", palette), sop_class=PALETTE)
    for entry in entries() if CORPUS else []:
        send(isthmus, entry)


def check_whole(isthmus, before):
    fresh = Fresh(isthmus, "fresh")
    done = fresh.tool("reindex", "--json", check=False)
    assert done.stdout, done.stderr
    result = json.loads(done.stdout)
    assert done.returncode == 0 and "\r" not in done.stderr, done
    assert result["indexed"] == len(before["instance"]), result
    assert result["conflicts"] == len(before["conflict"]) >= 4, result
    after = rows(isthmus, "fresh")
    for table in TABLES:
        odd = set(before[table]) ^ set(after[table])
        assert before[table] == after[table], (table, len(odd), sorted(odd)[:4])
        assert before[table], table
    assert json.loads(fresh.tool("reindex", "--json").stdout)["files"] == 0
    fresh.tool("verify")


def check_stopped(isthmus, before):
    fresh = Fresh(isthmus, "stopped")
    running = subprocess.Popen(fresh.command("reindex", "--jobs", 3), stdout=subprocess.DEVNULL,
                               env={**os.environ, "PGUSER": "isthmus"})
    wait_until(lambda: fresh.instances() > 0 or running.poll() is not None, what="the first rows")
    running.send_signal(signal.SIGKILL)
    running.wait()
    wait_until(lambda: fresh.tool("reindex", check=False).returncode == 0, what="the lock is free")
    after = rows(isthmus, "stopped")
    assert after == before, "rows differ after it was stopped"


def check_missing(isthmus, before):
    """A row that went is made again, the others stay; a file that is no instance is refused."""
    isthmus.sql("delete from isthmus.conflict where reason = 'other bytes'")
    stray = isthmus.dir / "store/objects/19700101/0000/00000000000000aa.dcm"
    stray.parent.mkdir(parents=True)
    stray.write_bytes(b"x")
    stray.chmod(0o644)
    done = isthmus.owner_tool("reindex", "--json", check=False)
    result = json.loads(done.stdout)
    assert done.returncode == 1 and result["conflicts"] == result["files"] - 1 > 0, result
    assert [p["problem"] for p in result["problems"]] == [
        "it has no seal of ours; 'isthmus import' takes what is from elsewhere"], result
    assert rows(isthmus, "isthmus") == before
    stray.unlink()


def check_damaged(isthmus):
    """A file with other bytes than came gets the row it had, so verify names it; a part of a file was
    never acknowledged."""
    row = "select blob, size_bytes, digest from isthmus.instance where sop_instance_uid = '2.25.9'"
    [before] = isthmus.sql(row)
    path = isthmus.stored_path(before[0])
    whole = path.read_bytes()
    damage(path)
    part = isthmus.dir / "store/objects/19700101/0000/00000000000000ab.dcm"
    part.write_bytes(whole[:-1])
    begun = part.with_name("00000000000000ac.dcm")  # of its full length, and without its seal
    begun.write_bytes((b"isthmus sealed %016x %032x\n" % (0, 0)).ljust(128, b"\0") + whole[128:])
    owner = path.stat()
    for made in (part, begun, part.parent):
        os.chown(made, owner.st_uid, owner.st_gid)
    isthmus.sql("delete from isthmus.instance where sop_instance_uid = '2.25.9'")
    result = json.loads(isthmus.owner_tool("reindex", "--json").stdout)
    assert (result["indexed"], result["unfinished"], result["refused"]) == (1, 2, 0), result
    assert isthmus.sql(row) == [before]
    done = isthmus.tool("verify", "--json", check=False)
    assert {p["problem"] for p in json.loads(done.stdout)["problems"]} == {
        "other bytes", "no row names this file"}, done.stdout
    assert part.exists() and begun.exists()
    isthmus.owner_tool("reindex", "--delete-unneeded")
    assert not part.exists() and not begun.exists()


with Isthmus() as isthmus:
    fill(isthmus)
    isthmus.kill(isthmus.pid("isthmus-scp"), signal.SIGTERM)
    before = rows(isthmus, "isthmus")
    check_whole(isthmus, before)
    check_stopped(isthmus, before)
    check_missing(isthmus, before)
    check_damaged(isthmus)
