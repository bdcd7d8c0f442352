#!/usr/bin/env python3
"""A disk that runs full, one that becomes read-only, and one that stands still, under associations that stay open.

The instance is answered A700H and leaves nothing behind, the service goes on by itself when the disk
is well, and what was acknowledged is there. With the database away it is the same. Where incoming/ is on
a disk of its own nothing starts. Making such disks needs root.
"""
# fault
import os
import subprocess
from concurrent.futures import ThreadPoolExecutor

import dicom_raw as dicom
from harness import LIMIT_S, PROGRAMS, Isthmus, skip, wait_until
from kill_load import kill_database

NO_ROOM = 0xA700
LARGE = bytes(1 << 20)


def small_disk(isthmus):
    store = isthmus.dir / "store"
    owner = store.stat()
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size=24m,mode=0750,uid={owner.st_uid},gid={owner.st_gid}", "tmpfs",
                    store], check=True)
    return store


def disk_that_freezes(isthmus):
    store = isthmus.dir / "store"
    owner = store.stat()
    image = isthmus.scratch / "disk"
    with open(image, "wb") as f:
        f.truncate(64 << 20)
    subprocess.run(["mkfs.ext4", "-q", "-E", f"root_owner={owner.st_uid}:{owner.st_gid}", image], check=True)
    if subprocess.run(["mount", "-o", "loop", image, store], check=False).returncode:
        skip("no loop device for a disk that stands still")
    return store


def remount(store, how):
    """Not possible while somebody writes."""
    wait_until(lambda: subprocess.run(["mount", "-o", f"remount,{how}", store], capture_output=True,
                                      check=False).returncode == 0, what=f"a disk that is {how}")


def send(association, number, pixels=b"\0" * 8):
    uid = f"1.2.826.7.{number}"
    data = dicom.ct_header("1.2.826.7", "1.2.826.7.1000", uid, number) + dicom.element(0x7FE00010, "OW", pixels)
    return association.c_store(dicom.CT_IMAGE, uid, dicom.EXPLICIT, data)[0x0900]


def files(store):
    """One may have a name in incoming/ and one in objects/."""
    return {p.stem for p in store.rglob("*") if p.is_file() and p.name != "ballast"}


def full(association, store):
    stored, before = 0, files(store)
    for number in range(100, 200):
        status = send(association, number, LARGE)
        if status == NO_ROOM:
            break
        assert status == 0
        stored += 1
    assert 0 < stored < 24, "the disk has 24 MiB"
    assert send(association, 300, LARGE) == NO_ROOM
    wait_until(lambda: len(files(store)) == len(before) + stored, what="the end of what was refused")
    return stored


def well_again(isthmus, association, store, number):
    assert send(association, number) == 0
    isthmus.tool("verify")
    wait_until(lambda: not list((store / "incoming").iterdir()), what="an empty incoming/")


def full_and_read_only(isthmus):
    store = isthmus.dir / "store"
    ballast = store / "ballast"
    ballast.write_bytes(bytes(8 << 20))
    isthmus.start()
    a = dicom.Association(isthmus.address, isthmus.aet, [(dicom.CT_IMAGE, [dicom.EXPLICIT])])
    count = full(a, store)
    free = os.statvfs(store)
    assert free.f_bavail * free.f_frsize >= 1 << 20, "refused before the disk is really full"
    ballast.unlink()
    well_again(isthmus, a, store, 1)
    remount(store, "ro")
    assert send(a, 2) == NO_ROOM
    remount(store, "rw")
    well_again(isthmus, a, store, 3)
    rows = isthmus.sql("select count(*) from isthmus.instance")
    assert rows == [[str(count + 2)]], rows
    a.release()


def full_with_the_database_away(isthmus):
    """The spool grows as far as the reserve; on a disk that stays that full it drains all the same."""
    store = isthmus.dir / "store"
    isthmus.start()
    a = dicom.Association(isthmus.address, isthmus.aet, [(dicom.CT_IMAGE, [dicom.EXPLICIT])])
    kill_database(isthmus)
    count = full(a, store)
    waiting = list((store / "incoming").iterdir())
    assert len(waiting) == count, waiting
    free = os.statvfs(store)
    assert free.f_bavail * free.f_frsize >= 1 << 20, "spooled into the reserve"
    isthmus.start()
    wait_until(lambda: isthmus.sql("select count(*) from isthmus.instance") == [[str(count)]], 60, "an empty spool")
    wait_until(lambda: not list((store / "incoming").iterdir()), what="the end of the spool")
    assert send(a, 301, LARGE) == NO_ROOM
    isthmus.tool("verify")
    a.release()


def incoming_elsewhere(isthmus):
    """On a disk of its own a file could get its permanent name only by being copied."""
    store = isthmus.dir / "store"
    incoming = store / "incoming"
    incoming.mkdir(exist_ok=True)
    owner = store.stat()
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size=1m,mode=0750,uid={owner.st_uid},gid={owner.st_gid}", "tmpfs",
                    incoming], check=True)
    try:
        done = subprocess.run([f"{PROGRAMS}/isthmus-scp", "--config", isthmus.config], text=True, timeout=LIMIT_S,
                              capture_output=True, env={**os.environ, "PGUSER": "isthmus-scp"}, check=False)
    finally:
        subprocess.run(["umount", "-l", incoming], check=True)
    assert done.returncode not in (0, -9) and \
        f"{store}/incoming and {store}/objects are on different file systems; they must share one" in done.stderr, done


def stands_still(isthmus):
    """Nothing is acknowledged while it does, others are served, and all is well when it goes on."""
    store = isthmus.dir / "store"
    isthmus.start()
    senders = [dicom.Association(isthmus.address, isthmus.aet, [(dicom.CT_IMAGE, [dicom.EXPLICIT])]) for _ in range(3)]
    for n, a in enumerate(senders):
        assert send(a, 400 + n) == 0
    with ThreadPoolExecutor(len(senders)) as threads:
        subprocess.run(["fsfreeze", "--freeze", store], check=True)
        try:
            answers = [threads.submit(send, a, 410 + n) for n, a in enumerate(senders)]
            for _ in range(20):
                assert dicom.echo(isthmus.address, isthmus.aet) == 0
            assert not any(a.done() for a in answers)
        finally:
            subprocess.run(["fsfreeze", "--unfreeze", store], check=True)
        assert [a.result(60) for a in answers] == [0] * len(senders)
    for a in senders:
        a.release()
    isthmus.tool("verify")


def on_a_disk(isthmus, mounted, check):
    """@check, with the store on what @mounted mounts."""
    isthmus.kill(isthmus.pid("isthmus-scp"))
    store = mounted(isthmus)
    try:
        check(isthmus)
    finally:
        isthmus.kill(isthmus.pid("isthmus-scp"))
        subprocess.run(["umount", "-l", store], check=True)


if os.geteuid() != 0:
    skip("only root can make a small disk")
with Isthmus() as isthmus:
    isthmus.configure("store", reserve_mib=2)
    on_a_disk(isthmus, small_disk, full_and_read_only)
with Isthmus() as isthmus:
    isthmus.configure("store", reserve_mib=2)
    on_a_disk(isthmus, small_disk, full_with_the_database_away)
    incoming_elsewhere(isthmus)
with Isthmus() as isthmus:
    isthmus.configure("store", reserve_mib=2)
    on_a_disk(isthmus, disk_that_freezes, stands_still)
