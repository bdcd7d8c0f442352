"""Studies to publish, and the FHIR server of a test."""
import json
import subprocess
import sys
import urllib.request
from pathlib import Path

import dicom_raw as dicom
from harness import LIMIT_S, TOP, wait_until

WORDS = "Nachname Unaussprechlich"
REFUSAL = {"resourceType": "OperationOutcome", "issue": [
    {"severity": "error", "code": "invalid", "diagnostics": WORDS, "expression": ["ImagingStudy"]}]}


class Fake:
    """tests/e2e/fake_fhir.py as a process of its own."""

    def __init__(self, directory, *options):
        port_file = Path(directory) / "port"
        self.directory, self.record = directory, Path(directory) / "record"
        self.process = subprocess.Popen(
            [sys.executable, str(TOP / "tests/e2e/fake_fhir.py"), "--port-file", str(port_file),
             "--record", str(self.record), *options], cwd=directory, stdout=subprocess.DEVNULL)
        wait_until(port_file.exists, what="the FHIR server")
        scheme = "https" if "--tls" in options else "http"
        self.origin = f"{scheme}://127.0.0.1:{int(port_file.read_text())}"
        self.url = self.origin + "/fhir"

    def ask(self, path, body=None):
        data = None if body is None else json.dumps(body).encode()
        with urllib.request.urlopen(self.origin + path, data, timeout=LIMIT_S) as answer:
            return json.load(answer)

    def behave(self, behaviour="ok", **rule):
        self.ask("/control", {"behaviour": behaviour, **rule})

    def state(self):
        return self.ask("/control/state")

    def studies(self):
        """ImagingStudies by Study Instance UID; no UID twice."""
        found = {}
        for resource in self.state()["resources"].get("ImagingStudy", {}).values():
            uid = resource["identifier"][0]["value"].removeprefix("urn:oid:")
            assert uid not in found, f"two ImagingStudies for {uid}"
            found[uid] = resource
        return found

    def requests(self):
        whole = self.record.read_text().split("\n")[:-1]  # the last one may be being written
        return [json.loads(line) for line in whole]

    def stop(self):
        self.process.terminate()
        self.process.wait()


class Studies:
    """Sends studies of one image each."""

    def __init__(self, isthmus):
        self.isthmus, self.n = isthmus, 0

    def send(self, study=None, instance=1, **text):
        if not study:
            self.n += 1
            study = f"1.2.826.0.1.99.{self.n}"
        data = dicom.ct(study, f"{study}.1", f"{study}.1.{instance}", instance, **text)
        a = dicom.Association(self.isthmus.address, self.isthmus.aet,
                              [(dicom.CT_IMAGE, [dicom.EXPLICIT])])
        answer = a.c_store(dicom.CT_IMAGE, f"{study}.1.{instance}", dicom.EXPLICIT, data)
        assert answer[0x0900] == 0, answer
        a.release()
        return study

    def send_and_wait(self, fake):
        uid = self.send()
        arrives(fake, uid, "in order")
        return uid


def arrives(fake, uid, what):
    return wait_until(lambda: fake.studies().get(uid), what=f"the study ({what})")


def parked(isthmus, uid):
    return isthmus.sql("select replace(o.last_failure, chr(10), chr(32)) from isthmus.outbox o join isthmus.study s "
                       f"using (study_key) where s.study_instance_uid = '{uid}' "
                       "and o.parked_at is not null")
