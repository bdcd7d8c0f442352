#!/usr/bin/env python3
"""What `isthmus publish coverage` and `isthmus publish test` say.

An image whose header has everything, and that came by C-STORE, fills every path of the mapping in
both releases. A target is tried with a made-up study, which its server validates and does not keep.
"""
import json
import subprocess
import tempfile

import dicom_raw as dicom
from harness import TOP, Isthmus, wait_until
from publishing import REFUSAL, WORDS, Fake
from test_republish import WEIGHT, send

FULL = "2.25.147763717617318706757137141068039716880"


def storescu(isthmus, path):
    host, port = isthmus.address
    subprocess.run(["storescu", "-aec", isthmus.aet, host, str(port), path], check=True)


def coverage(isthmus, study, release):
    return json.loads(isthmus.tool("publish", "coverage", study, "--release", release,
                                   "--json").stdout)


def everything_is_mapped(isthmus):
    subprocess.run([TOP / "etc/sample/make", "--full", isthmus.scratch], check=True)
    storescu(isthmus, isthmus.scratch / "full.dcm")
    for release in ("R5", "R4"):
        report = coverage(isthmus, FULL, release)
        empty = [row["path"] for row in report["rows"] if row["studies"] != 1]
        lacking = [a["tag"] for row in report["rows"] for a in row["attributes"] if a["studies"] != 1]
        assert not empty and not lacking, (release, empty, lacking)
        assert (report["pathsFilled"], report["attributesPresent"]) == (39, 51), report
        said = isthmus.tool("publish", "coverage", FULL, "--release", release).stdout
        assert said.endswith(f"{release}, 1 studies: 39 of 39 paths, 51 of 51 attributes\n"), said


def what_cannot_be_used_is_counted(isthmus):
    """An age and a weight that are none: they are named, and not shown."""
    send(isthmus, "2.25.802", 1, dicom.element(0x00101010, "AS", "999X"),
         dicom.element(WEIGHT, "DS", "heavy"))
    report = coverage(isthmus, "2.25.802", "R5")
    flaws = {flaw["tag"]: (flaw["reason"], flaw["values"]) for flaw in report["flaws"]}
    assert set(flaws) == {"00101010", "00101030"}, flaws
    assert flaws["00101010"] == ("is not an age above 0", 1), flaws
    rows = {row["path"]: row.get("why") for row in report["rows"]}
    assert rows["Observation[30525-0]"] == "the value is not an age above 0", rows
    said = isthmus.tool("publish", "coverage", "2.25.802", "--release", "R5").stdout
    assert "1 values left out: 00101010 is not an age above 0\n" in said, said
    wait_until(lambda: "(0010,1010) is not an age above 0: 1, (0010,1030) is not" in isthmus.logs(),
               what="the line in the log")
    assert "heavy" not in isthmus.logs() and "999X" not in isthmus.logs()


def targets_are_tried(isthmus, fake):
    def tried(code, *words):
        done = isthmus.tool("publish", "test", check=False)
        said = done.stdout + done.stderr
        assert done.returncode == code, (code, said)
        assert all(word in said for word in words), (words, said)
        return said

    wait_until(lambda: isthmus.sql("select count(*) from isthmus.outbox") == [["0"]],
               what="an empty outbox")
    isthmus.configure("fhir", publisher_system='"http://hospital.example/isthmus"',
                      dicomweb_url='"http://127.0.0.1:9/web"')
    before = fake.state()["resources"]
    tried(0, "can be published to, as R5", "$validate of a made-up study: no errors")
    fake.behave("status", status=200, outcome=REFUSAL, times=1)
    tried(1, "errors in what it would be sent", WORDS)
    fake.behave("status", status=412, outcome=REFUSAL, times=1)
    tried(1, "errors in what it would be sent", WORDS)
    fake.behave("status", status=503, times=1)
    tried(3, "HTTP 503")
    fake.behave("status", status=200, where="metadata", times=1, body=json.dumps(
        {"resourceType": "CapabilityStatement", "fhirVersion": "5.0.0"}))
    tried(0, "it does not validate")
    fake.behave("status", status=503, where="metadata", times=1)
    assert "validate" not in tried(3, "HTTP 503")
    fake.behave("status", status=200, where="metadata", times=1, body="{}")
    tried(1, "does not answer as a FHIR server")
    assert fake.state()["resources"] == before, "a try leaves something"


with tempfile.TemporaryDirectory(prefix="isthmus-inspect.") as scratch:
    server = Fake(scratch)
    try:
        with Isthmus(fhir=[server.url]) as isthmus:
            everything_is_mapped(isthmus)
            what_cannot_be_used_is_counted(isthmus)
            targets_are_tried(isthmus, server)
    finally:
        server.stop()
