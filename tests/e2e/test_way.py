#!/usr/bin/env python3
"""The way of one image: C-STORE, file, row, ImagingStudy; and what must not be on it.

The data set is kept byte for byte; sending it again changes nothing; nothing of the patient
reaches a log, at the chattiest level; verify finds a damaged file.
"""
import re
import subprocess
from collections import Counter

import dicom_raw as dicom
from harness import TOP, Isthmus, damage, wait_until

STUDY = "2.25.147763717617318706757137141068039716864"


def sample(directory):
    subprocess.run([TOP / "etc/sample/make", directory], check=True)
    return sorted(directory.glob("*.dcm"))


def send_raw(isthmus, files):
    """Over one association; the data sets by SOP Instance UID."""
    sent = {}
    a = dicom.Association(isthmus.address, isthmus.aet, [(dicom.CT_IMAGE, [dicom.EXPLICIT])])
    for path in files:
        meta, data = dicom.part10(path)
        answer = a.c_store(meta[2], meta[3], meta[16], data)
        assert answer[0x0900] == 0, answer
        assert answer[0x1000] == meta[3], answer
        sent[meta[3]] = data
    a.release()
    return sent


def check_files(isthmus, sent):
    rows = isthmus.sql("select sop_instance_uid, blob from isthmus.instance")
    assert {uid for uid, _ in rows} == set(sent), rows
    for uid, blob in rows:
        meta, data = dicom.part10(isthmus.stored_path(blob))
        assert data == sent[uid], f"the stored data set of {uid} differs from the one sent"
        assert (meta[2], meta[3], meta[16]) == (dicom.CT_IMAGE, uid, dicom.EXPLICIT), meta


def check_imaging_study(isthmus, sent):
    def complete():
        study = isthmus.imaging_studies().get(STUDY)
        return study and study["numberOfInstances"] == len(sent) and study

    study = wait_until(complete, what="the ImagingStudy of all images")
    assert study["numberOfSeries"] == 1, study
    assert "ACC-2026-00815" in str(study), "the accession number is missing"
    assert study["started"] == "2026-03-02T10:12:00+01:00", study["started"]
    instances = study["series"][0]["instance"]
    assert {i["uid"] for i in instances} == set(sent)
    assert study["subject"]["reference"], study["subject"]


def personal_values():
    """What the sample says about people, word by word."""
    text = (TOP / "etc/sample/ct.dump").read_text()
    values = re.findall(r"^\((?:0008,0050|0008,0090|0008,1050|0008,1070|0010,0010|0010,0020|"
                        r"0010,0030|0020,0010|0038,0010|0040,1001)\) \w\w \[(.*)\]", text, re.M)
    assert len(values) >= 10, values
    return {word for value in values for word in re.split(r"[\^ ]", value)
            if len(word) > 3 or not word.isalpha()} - {"", "815"}


def check_logs(isthmus):
    wait_until(lambda: isthmus.logs().count("5 duplicate") == 2, what="the end of both associations in the log")
    logs = isthmus.logs()
    for value in personal_values():
        assert value not in logs, f"{value!r} is in a log"


def check_verify(isthmus):
    isthmus.tool("verify")
    blob = isthmus.sql("select blob from isthmus.instance limit 1")[0][0]
    path = isthmus.stored_path(blob)
    damage(path)
    assert isthmus.tool("verify", check=False).returncode == 1, "verify missed a changed byte"
    path.unlink()
    assert isthmus.tool("verify", check=False).returncode == 1, "verify missed a missing file"


def check_repair(isthmus, files, sent):
    """A file is gone: its instance, sent again, is stored and not just called a duplicate."""
    before = counts(isthmus)
    send_raw(isthmus, files)
    assert counts(isthmus) == before
    check_files(isthmus, sent)
    assert "takes its place" in isthmus.logs()
    isthmus.tool("verify")


def counts(isthmus):
    tables = ("patient", "study", "series", "instance", "conflict")
    return Counter({t: int(isthmus.sql(f"select count(*) from isthmus.{t}")[0][0]) for t in tables})


with Isthmus() as isthmus:
    isthmus.configure("log", level='"debug"')
    isthmus.restart("isthmus-scp")
    isthmus.restart("isthmus-fhir")
    files = sample(isthmus.scratch / "sample")
    sent = send_raw(isthmus, files)
    check_files(isthmus, sent)
    check_imaging_study(isthmus, sent)

    before = counts(isthmus)
    send_raw(isthmus, files)
    subprocess.run(["storescu", "-aec", isthmus.aet, isthmus.address[0], str(isthmus.address[1]),
                    *files], check=True, env={"TCP_NODELAY": "1"})
    assert counts(isthmus) == before, "sending again changed the index"
    assert len(isthmus.imaging_studies()) == 1
    check_files(isthmus, sent)
    check_logs(isthmus)
    check_verify(isthmus)
    check_repair(isthmus, files, sent)
