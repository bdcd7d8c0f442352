#!/usr/bin/env python3
"""Every file of a collection that $ISTHMUS_CORPUS names, see corpus.py.

Valid files are answered Success and kept byte for byte, verify finds no fault, and after each
malformed one the server answers C-ECHO.
"""
# timeout: 900
import hashlib

import dicom_raw as dicom
from corpus import CORPUS, entries, send
from harness import Isthmus, skip

if not CORPUS:
    skip("ISTHMUS_CORPUS does not name a collection of DICOM files")


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
