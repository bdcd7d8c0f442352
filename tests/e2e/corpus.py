"""The collection of files that $ISTHMUS_CORPUS names: a directory with manifest.tsv.

Its columns file, class (valid, or malformed and why), sop_class_uid, transfer_syntax_uid
and sop_instance_uid are used.
"""
import csv
import os
from pathlib import Path

import dicom_raw as dicom

CORPUS = Path(os.environ["ISTHMUS_CORPUS"]) if os.environ.get("ISTHMUS_CORPUS") else None


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
