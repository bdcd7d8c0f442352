#!/usr/bin/env python3
"""Every Bundle is valid before a validator that we did not write (Validate.java), R5 and R4:
those of the unit tests, of the sample study, and of a collection of files, if there is one. So are
the definitions of our own extensions (fhir/definitions), and the extensions agree with them.
"""
import os
import re
import subprocess
import tempfile
from pathlib import Path

from judge import prepare
from corpus import CORPUS, entries, send
from harness import PROGRAMS, TOP, Isthmus, wait_until

RELEASES = ("R5", "R4")
BASE = "http://hospital.example/fhir"  # of fhir/definitions


def unit_bundles(directory):
    """Those of tests/data/fhir."""
    for release in RELEASES:
        (directory / release).mkdir(parents=True)
    subprocess.run([f"{PROGRAMS}/tests/unit_fhir"], check=True, cwd=TOP, stderr=subprocess.DEVNULL,
                   env={**os.environ, "ISTHMUS_BUNDLES": str(directory)})


def two_releases(isthmus):
    """The first target's release is R5, the second's R4; every study is published."""
    isthmus.publish_r4_to_the_last()
    isthmus.configure("fhir", patient_differs='"publish"', extension_base=f'"{BASE}"')
    isthmus.restart("isthmus-fhir")


def send_all(isthmus):
    """The sample and the collection."""
    sample = isthmus.scratch / "sample"
    subprocess.run([TOP / "etc/sample/make", sample], check=True)
    subprocess.run(["storescu", "-aec", isthmus.aet, isthmus.address[0], str(isthmus.address[1]),
                    *sample.glob("*.dcm")], check=True, env={"TCP_NODELAY": "1"})
    for entry in entries() if CORPUS else []:
        send(isthmus, entry)


def wait_published(isthmus, targets):
    """Until nothing waits; without a valid Study Instance UID there is nothing to publish."""
    wait_until(lambda: isthmus.sql("select count(*) from isthmus.outbox where parked_at is null")
               == [["0"]], timeout=120, what="the end of publishing")
    studies = {uid for uid, in isthmus.sql("select study_instance_uid from isthmus.study")}
    parked = {uid for uid, in isthmus.sql("select study_instance_uid from isthmus.outbox "
                                          "join isthmus.study using (study_key)")}
    assert not [uid for uid in parked if re.fullmatch(r"[0-9.]{1,64}", uid)], parked
    for target in targets:
        assert len(list(target.glob("*.json"))) == len(studies - parked) > 0
    print(f"{len(studies)} studies, {len(parked)} without a valid UID")


def validate(release, directories):
    """The last line, with the figures."""
    done = subprocess.run([*prepare("Validate"), release, TOP / "fhir/definitions" / release,
                           *map(str, directories)], text=True,
                          stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, check=False)
    print(done.stdout, flush=True)
    assert done.returncode == 0, f"the validator finds errors in {release}"
    for kind in ("ImagingStudy", "Observation", "Provenance", "Endpoint"):
        assert f"{kind}=" in done.stdout, f"no {kind} was judged in {release}"


prepare("Validate")
with tempfile.TemporaryDirectory() as scratch:
    targets = [Path(scratch) / release for release in RELEASES]
    Path(scratch).chmod(0o755)
    unit_bundles(Path(scratch) / "unit")
    with Isthmus(fhir=targets) as isthmus:
        two_releases(isthmus)
        send_all(isthmus)
        wait_published(isthmus, targets)
        for release, target in zip(RELEASES, targets):
            validate(release, [Path(scratch) / "unit" / release, target])
