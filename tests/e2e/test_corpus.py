#!/usr/bin/env python3
"""Every file of a collection that $ISTHMUS_CORPUS names, see corpus.py.

Valid files are answered Success and kept byte for byte, verify finds no fault, and after each
malformed one the server answers C-ECHO.
"""
import hashlib
import os
import re
import subprocess

import dicom_raw as dicom
from corpus import CORPUS, entries, send
from harness import Isthmus, skip

if not CORPUS:
    skip("ISTHMUS_CORPUS does not name a collection of DICOM files")


def send_with_dcmsend(isthmus, report):
    """All of it over one association; (status, file) of what dcmsend could read and send."""
    subprocess.run(["dcmsend", "--quiet", "+sd", "+r", "--no-uid-checks", "-nh", "--decompress-never",
                    "+crf", report, "-aec", isthmus.aet, isthmus.address[0], str(isthmus.address[1]),
                    "."], cwd=CORPUS, env={**os.environ, "TCP_NODELAY": "1"}, check=False)
    return [(status, name) for name, status in
            re.findall(r"^Filename +: (?:\./)?(.*)$[^\0]*?^DIMSE Status +: (0x\w+|<not sent>)",
                       report.read_text(), re.M)]


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
    sent = [(status, name) for status, name in
            send_with_dcmsend(isthmus, isthmus.scratch / "report") if status != "<not sent>"]
    valid = {entry["file"] for entry in entries() if entry["class"] == "valid"}
    failures += [f"{name} from dcmsend: {status}" for status, name in sent
                 if name in valid and status != "0x0000"]
    print(f"{len(sent)} of them also sent by dcmsend")
    assert not failures, "\n" + "\n".join(failures)
    assert len(sent) > len(valid) / 2, "dcmsend sent too little"
    assert seen["valid"] > 0
    isthmus.tool("verify")
