#!/usr/bin/env python3
"""While four associations store, a study is found as soon as its first C-STORE response has come."""
import dicom_query as q
import dicom_raw as dicom
from harness import Isthmus, wait_until
from ingest_load import Load

STUDIES = 200


def check_found_at_once(isthmus, load):
    sender = dicom.Association(isthmus.address, isthmus.aet, [(dicom.CT_IMAGE, [dicom.EXPLICIT])])
    query = q.Query(isthmus)
    wait_until(lambda: load.stored.value > 0, what="the load")
    before = load.stored.value
    for n in range(1, STUDIES + 1):
        study = f"1.2.7.{n}"
        assert query.find("STUDY", t00080050=("SH", f"NEW{n}"))[0] == []
        answer = sender.c_store(dicom.CT_IMAGE, f"{study}.1.1", dicom.EXPLICIT,
                                dicom.ct(study, f"{study}.1", f"{study}.1.1", 1, accession=f"NEW{n}", id=f"N{n}"))
        assert answer[0x0900] == 0, answer
        matches, last = query.find("STUDY", t00080050=("SH", f"NEW{n}"), t00201208=("IS", ""))
        assert last[0x0900] == 0 and len(matches) == 1, f"study {n} is not found: {last}"
        assert matches[0][0x0020000D] == study.encode() and matches[0][0x00201208] == b"1", matches
    assert load.stored.value > before, "there was no load"
    print(f"{STUDIES} studies found at once while {load.stored.value - before} other instances were stored")
    sender.release()
    query.release()


with Isthmus() as i:
    with Load(i) as running:
        check_found_at_once(i, running)
    counted, = i.sql("select count(*) from isthmus.instance")[0]
    assert int(counted) == running.stored.value + STUDIES, (counted, running.stored.value)
