#!/usr/bin/env python3
"""A large object costs a worker no more memory than a small one.

ISTHMUS_LARGE_MIB (default 96) is the size of a multi-frame object, ISTHMUS_LARGE_ITEMS (default
2000) the number of per-frame items of an enhanced one. With ISTHMUS_LARGE_ABSOLUTE set (a build
without sanitizers) the peak must stay under 64 MiB and 256 MiB, else it may grow by 32 MiB.
"""
# fault
import hashlib
import os

import dicom_raw as dicom
from harness import Isthmus

MIB = 1 << 20
SIZE_MIB = int(os.environ.get("ISTHMUS_LARGE_MIB", "96"))
ITEMS = int(os.environ.get("ISTHMUS_LARGE_ITEMS", "2000"))
ABSOLUTE = bool(os.environ.get("ISTHMUS_LARGE_ABSOLUTE"))


class Digested:
    """Chunks on their way, with the digest of what went by."""

    def __init__(self, chunks):
        self.chunks, self.digest = chunks, hashlib.sha256()

    def __iter__(self):
        for chunk in self.chunks:
            self.digest.update(chunk)
            yield chunk


def multi_frame(uid):
    yield dicom.ct_header("2.25.41", "2.25.42", uid)
    yield dicom.element(0x7FE00010, "OW", length=SIZE_MIB * MIB)
    for n in range(SIZE_MIB):
        yield bytes([n % 256]) * MIB


def enhanced(uid):
    """Per-frame Functional Groups of undefined length, each item with nested sequences."""
    yield dicom.ct_header("2.25.41", "2.25.43", uid, sop_class=dicom.ENHANCED_CT)
    yield dicom.element(0x52009230, "SQ", length=0xFFFFFFFF)
    item, end = b"\xfe\xff\x00\xe0\xff\xff\xff\xff", b"\xfe\xff\x0d\xe0\0\0\0\0"
    stop = b"\xfe\xff\xdd\xe0\0\0\0\0"
    for n in range(ITEMS):
        position = dicom.element(0x00200032, "DS", f"-127.5\\-127.5\\{n}")
        content = dicom.element(0x00209157, "UL", n) + dicom.element(0x00209164, "UI", "2.25.5")
        private = dicom.element(0x00091010, "OB", bytes([n % 256]) * 2048)
        yield (item + dicom.element(0x00209113, "SQ", length=0xFFFFFFFF) + item + position + end + stop
               + dicom.element(0x00209111, "SQ", length=0xFFFFFFFF) + item + content + end + stop
               + dicom.element(0x00090010, "LO", "TEST") + private + end)
    yield stop
    yield dicom.element(0x7FE00010, "OW", b"\0" * 8192)


def store(isthmus, association, sop_class, uid, chunks):
    data = Digested(chunks)
    answer = association.c_store(sop_class, uid, dicom.EXPLICIT, data)
    assert answer[0x0900] == 0, answer
    blob = isthmus.sql(f"select blob from isthmus.instance where sop_instance_uid = '{uid}'")[0][0]
    stored, path = hashlib.sha256(), isthmus.stored_path(blob)
    with open(path, "rb") as f:
        head = f.read(1024)
        group_length = int.from_bytes(head[140:144], "little")
        f.seek(144 + group_length)
        while piece := f.read(MIB):
            stored.update(piece)
    assert stored.digest() == data.digest.digest(), f"the file of {uid} differs from what was sent"
    path.unlink()
    return isthmus.peak_mib()


def bounded(what, before, after, absolute):
    print(f"{what}: peak {before:.1f} MiB before, {after:.1f} MiB after", flush=True)
    if ABSOLUTE:
        assert after < absolute, f"a worker used {after:.1f} MiB for {what}"
    else:
        assert after - before < 32, f"a worker grew by {after - before:.1f} MiB for {what}"


with Isthmus() as isthmus:
    association = dicom.Association(isthmus.address, isthmus.aet,
                                    [(dicom.CT_IMAGE, [dicom.EXPLICIT]),
                                     (dicom.ENHANCED_CT, [dicom.EXPLICIT])], timeout=300)
    small = store(isthmus, association, dicom.CT_IMAGE, "2.25.51",
                  [dicom.ct("2.25.41", "2.25.42", "2.25.51")])
    large = store(isthmus, association, dicom.CT_IMAGE, "2.25.52", multi_frame("2.25.52"))
    bounded(f"{SIZE_MIB} MiB of pixels", small, large, 64)
    items = store(isthmus, association, dicom.ENHANCED_CT, "2.25.53", enhanced("2.25.53"))
    bounded(f"{ITEMS} per-frame items", large, items, 256)
    association.release()
