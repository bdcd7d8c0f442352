#!/usr/bin/env python3
"""A FHIR server that is away, then busy, then slow to say so, then works; and one that refuses.

Every study ends there exactly once, equal to the index; a study that is refused for good is
parked with the server's words and keeps no other from going through; a replay heals it.
"""
import json
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

import dicom_raw as dicom
from harness import Isthmus, ReservedPort, alive, wait_until

HERE = Path(__file__).parent
REFUSED = "2.25.703"
WORDS = "The accession number is not known here"


class Server:
    """fake_fhir.py on a port that is reserved for it."""

    def __init__(self, port, release="R5"):
        self.url = f"http://127.0.0.1:{port.number}"
        self.process = subprocess.Popen(
            [sys.executable, str(HERE / "fake_fhir.py"), "--port", str(port.number), "--release", release],
            stdout=subprocess.PIPE, text=True)
        assert self.process.stdout.readline() == f"port {port.number}\n"
        port.close()

    def behave(self, behaviour, **how):
        data = json.dumps({"behaviour": behaviour, **how}).encode()
        urllib.request.urlopen(f"{self.url}/control", data).read()

    def state(self):
        return json.load(urllib.request.urlopen(f"{self.url}/control/state"))

    def studies(self):
        """How many instances each study has there, by Study Instance UID."""
        found = {}
        for resource in self.state()["resources"].get("ImagingStudy", {}).values():
            uid = resource["identifier"][0]["value"].removeprefix("urn:oid:")
            assert uid not in found, f"two ImagingStudy resources for {uid}"
            found[uid] = resource["numberOfInstances"]
        return found

    def close(self):
        self.process.kill()
        self.process.communicate()


def send(isthmus, study, numbers):
    a = dicom.Association(isthmus.address, isthmus.aet, [(dicom.CT_IMAGE, [dicom.EXPLICIT])])
    for n in numbers:
        uid = f"{study}.{n}"
        answer = a.c_store(dicom.CT_IMAGE, uid, dicom.EXPLICIT,
                           dicom.ct(study, f"{study}.0", uid, n, accession=f"A{study[-3:]}"))
        assert answer[0x0900] == 0, answer
    a.release()


def arrives(server, study, instances):
    wait_until(lambda: server.studies().get(study) == instances, 60,
               f"study {study} with {instances} instances")


def attempts(server, more, what):
    """Wait until the server was asked @more times again."""
    before = server.state()["requests"]
    wait_until(lambda: server.state()["requests"] >= before + more, 60, what)


def settled(isthmus, leaving=0):
    wait_until(lambda: isthmus.sql("select count(*) from isthmus.outbox") == [[str(leaving)]], 60,
               f"an outbox of {leaving}")


def refused_for_a_while(isthmus, server, study, behaviour, **how):
    server.behave(behaviour, **how)
    send(isthmus, study, range(1, 4))
    attempts(server, 2, f"another attempt after {behaviour} {how}")
    assert study not in server.studies(), f"published in spite of {behaviour}"
    server.behave("ok")
    arrives(server, study, 3)


def refused_for_good(isthmus, server):
    problem = {"resourceType": "OperationOutcome",
               "issue": [{"severity": "error", "code": "business-rule", "diagnostics": WORDS}]}
    server.behave("status", status=422, outcome=problem, study=REFUSED)
    send(isthmus, REFUSED, [1])
    send(isthmus, "2.25.704", [1, 2])
    arrives(server, "2.25.704", 2)

    def parked():
        return isthmus.sql("select study_instance_uid from isthmus.outbox "
                           "join isthmus.study using (study_key) where parked_at is not null")
    wait_until(parked, what="the parked study")
    assert parked() == [[REFUSED]]
    assert WORDS in isthmus.tool("publish", "why", REFUSED).stdout
    assert WORDS not in isthmus.logs(), "the server's words are in a log"
    assert REFUSED not in server.studies()
    server.behave("ok", study=REFUSED)
    isthmus.tool("publish", "replay", REFUSED)
    arrives(server, REFUSED, 1)


def life_of_a_server(release):
    port = ReservedPort()
    with Isthmus(fhir=[f"http://127.0.0.1:{port.number}/fhir"], release=release) as isthmus:
        isthmus.configure('target', pause_max=1, retry_max=1, connect_timeout=2)
        isthmus.restart("isthmus-fhir")
        send(isthmus, "2.25.700", range(1, 6))
        wait_until(lambda: isthmus.sql("select 1 from isthmus.target where paused_until is not null"),
                   what="a pause while nobody listens")
        server = Server(port, release)
        try:
            arrives(server, "2.25.700", 5)
            refused_for_a_while(isthmus, server, "2.25.701", "status", status=503, where="all")
            refused_for_a_while(isthmus, server, "2.25.702", "status", status=429, retry_after="1")
            refused_for_a_while(isthmus, server, "2.25.705", "down", where="all")
            refused_for_a_while(isthmus, server, "2.25.706", "half")
            refused_for_good(isthmus, server)
            settled(isthmus)
            send(isthmus, "2.25.700", range(6, 9))
            arrives(server, "2.25.700", 8)
            settled(isthmus)
            assert server.studies() == {"2.25.700": 8, "2.25.701": 3, "2.25.702": 3, REFUSED: 1,
                                        "2.25.704": 2, "2.25.705": 3, "2.25.706": 3}
            again = server.state()["transactions"]
            send(isthmus, "2.25.700", range(6, 9))
            settled(isthmus)
            assert server.state()["transactions"] == again, "a duplicate was published"
        finally:
            server.close()


def retry_after_is_kept():
    """With 429 and Retry-After 3 nothing is asked again before."""
    server = Server(ReservedPort())
    try:
        with Isthmus(fhir=[f"{server.url}/fhir"]) as isthmus:
            server.behave("status", status=429, retry_after="3", where="data", times=1)
            began = time.monotonic()
            send(isthmus, "2.25.710", [1])
            arrives(server, "2.25.710", 1)
            assert time.monotonic() - began >= 3, "asked again before Retry-After"
            assert alive(isthmus.pid("isthmus-fhir"))
    finally:
        server.close()


life_of_a_server("R5")
life_of_a_server("R4")
retry_after_is_kept()
