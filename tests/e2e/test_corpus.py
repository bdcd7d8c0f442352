#!/usr/bin/env python3
"""Every file of a collection that $ISTHMUS_CORPUS names: a directory with manifest.tsv.

Its columns file, class (valid, or malformed and why), sop_class_uid, transfer_syntax_uid
and sop_instance_uid are used. Valid files are answered Success and kept byte for byte, verify finds
no fault, and after each malformed one the server answers C-ECHO.
"""
# timeout: 900
import csv
import hashlib
import os
from pathlib import Path

import dicom_raw as dicom
from harness import Isthmus, skip

if not os.environ.get("ISTHMUS_CORPUS"):
    skip("ISTHMUS_CORPUS does not name a collection of DICOM files")
CORPUS = Path(os.environ["ISTHMUS_CORPUS"])


def entries():
    csv.field_size_limit(1 << 24)
    with open(CORPUS / "manifest.tsv", newline="", encoding="utf-8") as f:
        return list(csv.DictReader(f, delimiter="\t"))


def send(isthmus, entry):
    """(status or None, data set, why)."""
    meta, data = dicom.part10(CORPUS / entry["file"])
    sop_class = meta.get(2) or entry["sop_class_uid"]
    instance = meta.get(3) or entry["sop_instance_uid"]
    syntax = meta.get(16) or entry["transfer_syntax_uid"] or dicom.IMPLICIT
    try:
        a = dicom.Association(isthmus.address, isthmus.aet, [(sop_class, [syntax])])
        if not a.accepted:
            a.release()
            return None, data, f"no presentation context for {sop_class}"
        answer = a.c_store(sop_class, instance, syntax, data)
        a.release()
    except (OSError, dicom.Refused) as e:
        return None, data, str(e)
    return answer[0x0900], data, answer.get(0x0902, "")


def stored_digests(isthmus):
    return {hashlib.sha256(dicom.part10(p)[1]).digest()
            for p in (isthmus.dir / "store/objects").rglob("*.dcm")}


with Isthmus() as isthmus:
    failures, kept, seen = [], [], {"valid": 0, "malformed": 0}
    for entry in entries():
        valid = entry["class"] == "valid"
        seen["valid" if valid else "malformed"] += 1
        status, data, why = send(isthmus, entry)
        if status == 0:
            kept.append((entry["file"], hashlib.sha256(data).digest()))
        elif valid:
            failures.append(f"{entry['file']}: {status} {why}")
        if not valid:
            assert dicom.echo(isthmus.address, isthmus.aet) == 0, entry["file"]
    digests = stored_digests(isthmus)
    failures += [f"{name}: the stored data set differs" for name, digest in kept
                 if digest not in digests]
    print(f"{seen['valid']} valid and {seen['malformed']} malformed files, {len(kept)} stored")
    assert not failures, "\n" + "\n".join(failures)
    assert seen["valid"] > 0
    isthmus.tool("verify")
