#!/usr/bin/env python3
"""Studies and their orders, seen from the FHIR server, in R5 and R4: order first, images first, a
wrong accession number, a wrong patient, two accession numbers; after each step the ImagingStudy, the
queue of isthmus reconcile and what queries answer are right."""
import datetime
import json
import tempfile
import urllib.request
from pathlib import Path

import dicom_raw as dicom
import orders
from dicom_query import Query
from harness import Isthmus, wait_until
from publishing import Fake

TAG = "urn:isthmus:order-state"


class Place:
    """One Isthmus with its FHIR server, and who works there."""

    def __init__(self, isthmus, fake):
        self.isthmus, self.fake, self.instances = isthmus, fake, 0

    def order(self, number, **changed):
        """ServiceRequest/@number on the server and in the worklist."""
        plan = {**orders.plans(1)[0], "accession": f"ACC-{number}", "patient_id": f"PAT-{number}",
                "name": {"Alphabetic": "Load^Test"}, "birth": datetime.date(1971, 4, 12),
                "uid": f"2.25.99.{number}", "procedure_id": f"RP-{number}",
                "placer": f"PL-{number}", "filler": f"FI-{number}", "step_id": f"S-{number}",
                **changed}
        request = {"resourceType": "ServiceRequest", "id": str(number), "status": "active",
                   "intent": "order", "subject": {"display": "somebody"},
                   "identifier": [{"system": "http://isthmus.invalid/accession",
                                   "value": plan["accession"]}]}
        urllib.request.urlopen(urllib.request.Request(
            f"{self.fake.url}/ServiceRequest/{number}", json.dumps(request).encode(),
            method="PUT"), timeout=30).close()
        path = self.isthmus.scratch / f"order-{number}.json"
        path.write_text(json.dumps([{
            "attributes": orders.item(plan), "source_url": self.fake.url,
            "source_reference": f"ServiceRequest/{number}",
            "encounter_reference": f"Encounter/{number}"}]))
        path.chmod(0o644)
        self.isthmus.tool("worklist", "import", str(path))

    def image(self, number, accession=None, patient=None):
        """One more image of study @number."""
        study = f"2.25.77.{number}"
        self.instances += 1
        uid = f"{study}.1.{self.instances}"
        data = dicom.ct(study, f"{study}.1", uid, self.instances,
                        accession=f"ACC-{number}" if accession is None else accession,
                        id=f"PAT-{patient or number}")
        a = dicom.Association(self.isthmus.address, self.isthmus.aet,
                              [(dicom.CT_IMAGE, [dicom.EXPLICIT])])
        assert a.c_store(dicom.CT_IMAGE, uid, dicom.EXPLICIT, data)[0x0900] == 0
        a.release()
        return study

    def shows(self, study, references, tag=None, what=""):
        """Wait until the server shows exactly these ServiceRequests, and this tag."""
        def as_expected():
            resource = self.fake.studies().get(study)
            if not resource:
                return None
            found = [b["reference"] for b in resource.get("basedOn", [])]
            tags = [t["code"] for t in resource.get("meta", {}).get("tag", [])
                    if t["system"] == TAG]
            return (found == references and tags == ([tag] if tag else [])) and resource
        try:
            return wait_until(as_expected, what=what)
        except AssertionError as e:
            raise AssertionError(f"{what}: {self.fake.studies().get(study)}") from e

    def settled(self):
        wait_until(lambda: self.isthmus.sql("select count(*) from isthmus.outbox") == [["0"]],
                   what="an empty outbox")

    def queue(self):
        """Study → state of what waits for a person."""
        listed = json.loads(self.isthmus.tool("reconcile", "list", "--json").stdout)
        return {row["study"]: row["state"] for row in listed}

    def accession_of(self, study):
        matches, _ = Query(self.isthmus).find("STUDY", t0020000D=("UI", study),
                                              t00080050=("SH", ""))
        return [m[0x00080050].decode() for m in matches]

    def step(self, number):
        return self.isthmus.sql("select status from isthmus.worklist_step where "
                                f"scheduled_procedure_step_id = 'S-{number}'")[0][0]


def order_first(p):
    p.order(1)
    assert p.step(1) == "SCHEDULED"
    study = p.image(1)
    assert p.step(1) in ("STARTED", "COMPLETED"), p.step(1)
    shown = p.shows(study, ["ServiceRequest/1"], what="an order that was there")
    assert shown["encounter"]["reference"] == "Encounter/1", shown
    assert shown["basedOn"][0]["identifier"]["value"] == "ACC-1", shown
    assert study not in p.queue()
    wait_until(lambda: p.step(1) == "COMPLETED", what="the completed step")


def images_first(p):
    study = p.image(2)
    wait_until(lambda: study in p.fake.studies(), what="a study without order")
    shown = p.fake.studies()[study]
    assert [t["code"] for t in shown["meta"]["tag"]] == ["unknown-accession-number"], shown
    assert p.queue()[study] == "unknown accession number"
    p.order(2)
    assert study not in p.queue()
    p.shows(study, ["ServiceRequest/2"], what="an order that came later")


def wrong_accession(p):
    p.order(3)
    study = p.image(3, accession="ACC-33")
    assert p.queue()[study] == "unknown accession number"
    listed = json.loads(p.isthmus.tool("reconcile", "list", "--json").stdout)
    row = next(r for r in listed if r["study"] == study)
    assert [c["reference"] for c in row["candidates"]] == ["ServiceRequest/3"], row
    p.isthmus.tool("reconcile", "correct", study, "--accession", "ACC-3", "--why", "mistyped")
    shown = p.shows(study, ["ServiceRequest/3"], what="a corrected accession number")
    p.image(3, accession="ACC-33")
    p.settled()
    shown = p.shows(study, ["ServiceRequest/3"], what="a late image with the old number")
    assert shown["numberOfInstances"] == 2, shown
    assert "ACC-33" not in json.dumps(shown), shown
    assert p.accession_of(study) == ["ACC-3"]
    assert study not in p.queue()
    history = json.loads(p.isthmus.tool("reconcile", "history", study, "--json").stdout)
    assert [(h["action"], h["why"], h["old_values"]["accession_number"],
             h["new_values"]["accession_number"]) for h in history] == \
        [("correct", "mistyped", "ACC-33", "ACC-3")], history
    assert history[0]["who"] and history[0]["decided_at"], history


def wrong_patient(p):
    p.order(4)
    study = p.image(4, patient=44)
    assert p.queue()[study] == "patient differs"
    shown = p.shows(study, [], "patient-differs", "an order of another patient")
    assert "ACC-4" in json.dumps(shown["identifier"]), shown
    p.isthmus.tool("reconcile", "correct", study, "--patient-id", "PAT-4")
    shown = p.shows(study, ["ServiceRequest/4"], what="a corrected patient")
    patient = p.fake.state()["resources"]["Patient"][shown["subject"]["reference"].split("/")[1]]
    assert patient["identifier"][0]["value"] == "PAT-4", patient
    matches, _ = Query(p.isthmus).find("STUDY", t0020000D=("UI", study), t00100020=("LO", ""))
    assert [m[0x00100020] for m in matches] == [b"PAT-4"], matches


def two_accessions(p):
    p.order(5)
    p.order(6, patient_id="PAT-5")
    study = p.image(5)
    p.shows(study, ["ServiceRequest/5"], what="the first of two accession numbers")
    p.image(5, accession="ACC-6")
    assert p.queue()[study] == "several accession numbers"
    wait_until(lambda: p.fake.studies()[study].get("meta", {}).get("tag"), what="its tag")
    p.isthmus.tool("reconcile", "accept", study)
    assert study not in p.queue()
    p.shows(study, ["ServiceRequest/5", "ServiceRequest/6"], what="both were meant")
    p.isthmus.tool("reconcile", "link", study, "--order", "ServiceRequest/6")
    p.shows(study, ["ServiceRequest/6"], what="a person chose one")
    p.isthmus.tool("reconcile", "unlink", study)
    p.shows(study, [], what="a person chose none")


def usage(p):
    for expected, arguments in (
            (2, []), (2, ["dance"]), (2, ["list", "2.25.77.1"]), (2, ["list", "--limit", "x"]),
            (2, ["accept"]),
            (1, ["accept", "9.9.9"]), (2, ["link", "2.25.77.1"]), (2, ["correct", "2.25.77.1"]),
            (1, ["link", "2.25.77.1", "--accession", "nobody"]),
            (2, ["correct", "2.25.77.1", "--accession", "12345678901234567"]),
            (2, ["correct", "2.25.77.1", "--birth-date", "19710230"]), (0, ["--help"])):
        done = p.isthmus.tool("reconcile", *arguments, check=False)
        assert done.returncode == expected, (arguments, done)
    flagged = json.loads(p.isthmus.tool("status", "--json").stdout)["studies_flagged"]
    assert flagged["order_matched"] == 4 and flagged["order_to_reconcile"] == 0, flagged


for release in ("R5", "R4"):
    with tempfile.TemporaryDirectory() as scratch:
        server = Fake(scratch, "--release", release)
        try:
            with Isthmus(fhir=[server.url], release="auto") as isthmus:
                isthmus.configure("worklist", completed_after=1)
                isthmus.restart("isthmus-scp")
                place = Place(isthmus, server)
                for check in (order_first, images_first, wrong_accession, wrong_patient,
                              two_accessions, usage):
                    check(place)
                server.studies() # none is there twice
                for text in ("PAT-", "Load", "ACC-"):
                    assert text not in isthmus.logs(), f"{text} is in a log"
        finally:
            server.stop()
