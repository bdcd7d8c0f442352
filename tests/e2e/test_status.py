#!/usr/bin/env python3
"""What an instance is worth, seen from outside: after each rejection, revocation, late arrival and
sending again, queries of two calling AE titles and the FHIR resources say the same, and no file is
lost. A file that `isthmus verify` finds damaged is UNAVAILABLE until it is sent again.
"""
import json
import struct
import tempfile
from pathlib import Path

import dicom_raw as dicom
from dicom_query import STUDY_ROOT, Query
from harness import Isthmus, damage, wait_until

KOS = "1.2.840.10008.5.1.4.1.1.88.59"
BASE = "http://hospital.example/fhir"
QUALITY, SAFETY, WORKLIST, RETENTION = "113001", "113037", "113038", "113039"
STUDY = "2.25.7"
INSTANCES = {f"2.25.7.1.{n}": "2.25.7.1" for n in (1, 2)} | {"2.25.7.2.1": "2.25.7.2"}
A, B, C = INSTANCES


def sequence(tag, *items):
    return dicom.element(tag, "SQ", b"".join(struct.pack("<HHI", 0xFFFE, 0xE000, len(i)) + i
                                             for i in items))


def note(uid, title, *named):
    """A Key Object Selection of STUDY that names instances of it."""
    code = dicom.element(0x00080100, "SH", title) + dicom.element(0x00080102, "SH", "DCM") + \
        dicom.element(0x00080104, "LO", "title")
    items = [dicom.element(0x00081150, "UI", dicom.CT_IMAGE) + dicom.element(0x00081155, "UI", n)
             for n in named]
    series = sequence(0x00081199, *items) + dicom.element(0x0020000E, "UI", "2.25.7.1")
    study = sequence(0x00081115, series) + dicom.element(0x0020000D, "UI", STUDY)
    header = dicom.ct_header(STUDY, uid + ".1", uid, sop_class=KOS, modality="KO")
    cut = header.index(dicom.element(0x00280002, "US", 1))
    return header[:cut] + sequence(0x0040A043, code) + sequence(0x0040A375, study)


class Way:
    def __init__(self, isthmus):
        self.isthmus, self.sent = isthmus, 0

    def send(self, sop_class, uid, data):
        a = dicom.Association(self.isthmus.address, self.isthmus.aet, [(sop_class, [dicom.EXPLICIT])])
        assert a.c_store(sop_class, uid, dicom.EXPLICIT, data)[0x0900] == 0
        a.release()

    def image(self, uid):
        self.send(dicom.CT_IMAGE, uid, dicom.ct(STUDY, INSTANCES[uid], uid, int(uid[-1])))

    def note(self, uid, title, *named):
        self.send(KOS, uid, note(uid, title, *named))

    def found(self, calling):
        """Images and notes of STUDY as @calling finds them; the counts agree at every level."""
        q = Query(self.isthmus, STUDY_ROOT, calling=calling)
        above = {"t0020000D": ("UI", STUDY)}
        instances, _ = q.find("IMAGE", t0020000E=("UI", ""), t00080016=("UI", ""), **above)
        series, _ = q.find("SERIES", t00201209=("IS", ""), t0020000E=("UI", ""), **above)
        studies, _ = q.find("STUDY", t00201206=("IS", ""), t00201208=("IS", ""),
                            t00080061=("CS", ""), t00080062=("UI", ""), **above)
        q.release()
        of_series = {}
        for i in instances:
            of_series[i[0x0020000E]] = of_series.get(i[0x0020000E], 0) + 1
        assert {s[0x0020000E]: int(s[0x00201209]) for s in series} == of_series
        assert len(studies) == (1 if instances else 0)
        for s in studies:
            assert int(s[0x00201208]) == len(instances) and int(s[0x00201206]) == len(series)
            assert set(s[0x00080062].split(b"\\")) == {i[0x00080016] for i in instances}
            notes = [i for i in instances if i[0x00080016].decode() == KOS]
            assert (b"KO" in s[0x00080061].split(b"\\")) == bool(notes)
            assert (b"CT" in s[0x00080061].split(b"\\")) == (len(notes) < len(instances))
        return {i[0x00080018].decode(): i[0x00080016].decode() == KOS for i in instances}

    def published(self, target):
        """The entry of the ImagingStudy at @target."""
        for path in Path(target).glob("*.json"):
            for entry in json.loads(path.read_text())["entry"]:
                if entry["request"]["url"].startswith("ImagingStudy/"):
                    return entry
        return None

    def settled(self):
        wait_until(lambda: self.isthmus.sql("select count(*) from isthmus.outbox") == [["0"]],
                   what="the end of publishing")

    def same_everywhere(self, what, images, quality=(), notes=(), status="available"):
        """@images are visible to all, @quality also to those who are shown what was rejected for
        its quality, and so are @notes; FHIR is as a query, but without notes."""
        self.settled()
        hiding, showing = self.found("WS1"), self.found("QA")
        assert set(hiding) == {*images, *notes}, f"{what}: WS1 finds {hiding}"
        assert set(showing) == {*images, *quality, *notes}, f"{what}: QA finds {showing}"
        for target in self.isthmus.fhir:
            study = self.published(target)["resource"]
            listed = {i["uid"] for s in study.get("series", []) for i in s["instance"]}
            assert listed == {u for u, is_note in hiding.items() if not is_note}, f"{what}: {listed}"
            assert study["numberOfInstances"] == len(listed), what
            assert study["numberOfSeries"] == len({INSTANCES[u] for u in listed}), what
            assert study["status"] == status, f"{what}: {study['status']}"
        self.nothing_lost()

    def nothing_lost(self):
        for blob, size in self.isthmus.sql("select blob, size_bytes from isthmus.instance"):
            _, data = dicom.part10(self.isthmus.stored_path(blob))
            assert len(data) == int(size)


def check_rejections(way):
    way.image(A)
    way.image(B)
    way.same_everywhere("stored", {A, B})
    way.note("2.25.81", QUALITY, A)
    way.same_everywhere("A rejected for its quality", {B}, {A}, {"2.25.81"})
    way.note("2.25.82", SAFETY, A, C)
    way.same_everywhere("and for safety", {B}, (), {"2.25.81", "2.25.82"})
    way.image(C)
    way.same_everywhere("C came late", {B}, (), {"2.25.81", "2.25.82"})
    way.image(A)
    way.same_everywhere("A sent again", {B}, (), {"2.25.81", "2.25.82"})
    way.note("2.25.83", SAFETY, "2.25.82")
    way.same_everywhere("the note revoked", {B, C}, {A}, {"2.25.81", "2.25.83"})
    way.note("2.25.84", WORKLIST, A, B, C)
    way.same_everywhere("all of the wrong entry", (), (), {"2.25.81", "2.25.83", "2.25.84"},
                        "entered-in-error")
    way.note("2.25.85", SAFETY, "2.25.84", "2.25.81")
    way.same_everywhere("both revoked", {A, B, C}, (), {"2.25.83", "2.25.85"})


def check_retention(way):
    notes = {"2.25.83", "2.25.85"}
    way.note("2.25.86", RETENTION, A, B, C)
    way.same_everywhere("expired", (), (), notes, "registered")
    way.image(A)
    way.same_everywhere("A stored anew", {A}, (), notes)
    way.isthmus.configure("fhir", retention_expired='"delete"')
    way.isthmus.restart("isthmus-fhir")
    way.note("2.25.87", RETENTION, A)
    way.settled()
    for target in way.isthmus.fhir:
        assert way.published(target)["request"]["method"] == "DELETE"
    for uid in INSTANCES:
        way.image(uid)
    way.same_everywhere("all stored anew", {A, B, C}, (), notes)


def availability(isthmus, level, **keys):
    q = Query(isthmus, STUDY_ROOT)
    matches, _ = q.find(level, t00080056=("CS", ""), t0020000D=("UI", STUDY), **keys)
    q.release()
    return {m[0x00080018 if level == "IMAGE" else 0x0020000D].decode(): m[0x00080056].decode()
            for m in matches}


def extensions(way, target):
    """{instance or study: its availability} where an extension says one."""
    study = way.published(target)["resource"]
    nodes = [(STUDY, study)] + [(i["uid"], i) for s in study["series"] for i in s["instance"]]
    return {uid: e["valueCode"] for uid, node in nodes for e in node.get("extension", [])
            if e["url"] == f"{BASE}/instance-availability"}


def check_availability(way):
    isthmus = way.isthmus
    blob = isthmus.sql(f"select blob from isthmus.instance where sop_instance_uid = '{A}'")[0][0]
    damage(isthmus.stored_path(blob))
    done = isthmus.tool("verify", "--json", check=False)
    assert done.returncode == 1 and json.loads(done.stdout)["unavailable_now"] == 1, done
    way.settled()
    image = {"t0020000E": ("UI", INSTANCES[A])}
    assert availability(isthmus, "IMAGE", **image) == {A: "UNAVAILABLE", B: "ONLINE"}
    assert availability(isthmus, "STUDY") == {STUDY: "UNAVAILABLE"}
    for target in isthmus.fhir:
        assert extensions(way, target) == {STUDY: "UNAVAILABLE", A: "UNAVAILABLE"}
        assert way.published(target)["resource"]["status"] == "available"
    way.image(A)
    way.settled()
    assert availability(isthmus, "IMAGE", **image) == {A: "ONLINE", B: "ONLINE"}
    assert availability(isthmus, "STUDY") == {STUDY: "ONLINE"}
    for target in isthmus.fhir:
        assert not extensions(way, target)
    result = json.loads(isthmus.tool("verify", "--json").stdout)
    assert (result["wrong"], result["available_again"]) == (0, 0), result


def check_flags(way):
    """The same content as an original and as an authorized one."""
    for uid, status in (("2.25.9.1", "OR"), ("2.25.9.2", "AO")):
        header = dicom.ct_header("2.25.9", "2.25.9.3", uid)
        cut = header.index(dicom.element(0x00080050, "SH", "ACC-LOAD"))
        header = header[:cut] + dicom.element(0x00080033, "TM", "101200") + header[cut:]
        way.send(dicom.CT_IMAGE, uid, header + dicom.element(0x01000410, "CS", status))
    flags = json.loads(way.isthmus.tool("status", "--flags", "--json").stdout)
    assert flags == [{"flag": "original became authorized", "study_instance_uid": "2.25.9",
                      "sop_instance_uid": "2.25.9.1", "other_instance_uid": "2.25.9.2"}], flags
    assert "2.25.9.2" in way.isthmus.tool("status", "--flags").stdout


with tempfile.TemporaryDirectory() as scratch, \
        Isthmus(fhir=[Path(scratch) / "R5", Path(scratch) / "R4"]) as isthmus:
    Path(scratch).chmod(0o777)
    isthmus.configure("fhir", extension_base=f'"{BASE}"')
    isthmus.configure('ae "QA"', show_rejected='{"quality"}')
    isthmus.publish_r4_to_the_last()
    isthmus.restart("isthmus-scp")
    isthmus.restart("isthmus-fhir")
    way = Way(isthmus)
    check_rejections(way)
    check_retention(way)
    check_availability(way)
    check_flags(way)
