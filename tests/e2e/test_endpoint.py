#!/usr/bin/env python3
"""Each target names its own DICOMweb service: written before the studies that refer to it, again
after the configuration changed, and again when the server has lost it; or none."""
import os
import signal
import tempfile
from pathlib import Path

import dicom_raw as dicom
from harness import Isthmus, replace_file, wait_until
from publishing import Fake

WEB, OTHER, WADO = (f"https://pacs.hospital.example/{name}" for name in ("web", "other", "wado"))


def send(isthmus, number):
    study = f"2.25.70.{number}"
    a = dicom.Association(isthmus.address, isthmus.aet, [(dicom.CT_IMAGE, [dicom.EXPLICIT])])
    data = dicom.ct(study, f"{study}.1", f"{study}.1.1", number)
    assert a.c_store(dicom.CT_IMAGE, f"{study}.1.1", dicom.EXPLICIT, data)[0x0900] == 0
    a.release()
    return study


def addresses(fake, study):
    """Those of the Endpoints that the ImagingStudy names; every reference is to one that is there."""
    resources = fake.state()["resources"]
    shown = [s for s in resources.get("ImagingStudy", {}).values()
             if s["identifier"][0]["value"] == f"urn:oid:{study}"]
    if not shown:
        return None
    endpoints, found = resources.get("Endpoint", {}), []
    for reference in shown[0].get("endpoint", []):
        kind, _, query = reference["reference"].partition("?identifier=")
        id_ = query.rpartition("%7C")[2] if query else kind.removeprefix("Endpoint/")
        there = [e for e in endpoints.values() if e["identifier"][0]["value"] == id_]
        assert len(there) == 1, (reference, endpoints)
        found.append(there[0]["address"])
    return found


def names(fake, study, *expected):
    wait_until(lambda: addresses(fake, study) == list(expected), what=f"{study} naming {expected}")


def targets(isthmus, text):
    """The configuration, after the sections of quickstart but with these targets."""
    path = isthmus.dir / "isthmus.conf"
    kept = path.read_text().partition("target ")[0]
    replace_file(path, kept + text)
    os.kill(isthmus.pid("isthmus-fhir"), signal.SIGHUP)


def target(fake, *options):
    return f'target "{fake.name}" {{\n    url = "{fake.url}"\n    quiet_period = 0\n' + \
        "".join(f"    {o}\n" for o in options) + "}\n"


def lost(isthmus, fake, number, *expected):
    """A server that forgot the Endpoints gets them again, with the next study."""
    fake.ask("/control/forget", {"type": "Endpoint"})
    names(fake, send(isthmus, number), *expected)


def run(isthmus, one, two, three):
    isthmus.configure("fhir", publisher_system='"http://hospital.example/isthmus"',
                      dicomweb_url=f'"{WEB}"')
    second = (f'dicomweb_url = "{OTHER}"', "identity = search",
              f'dicomweb_connections = {{"dicom-wado-rs", "dicom-wado-uri={WADO}"}}')
    third = target(three, "dicomweb_url = none")
    targets(isthmus, target(one) + target(two, *second) + third)
    study = send(isthmus, 1)
    names(one, study, WEB)
    names(two, study, OTHER, WADO)
    names(three, study)
    assert "Endpoint" not in three.state()["resources"]
    lost(isthmus, one, 2, WEB)
    lost(isthmus, two, 3, OTHER, WADO)
    targets(isthmus, target(one, f'dicomweb_url = "{OTHER}"') + target(two, *second) + third)
    names(one, study, OTHER)
    names(two, study, OTHER, WADO)


with tempfile.TemporaryDirectory(prefix="isthmus-endpoint.") as scratch:
    fakes = []
    try:
        for name, options in (("one", []), ("two", ["--release", "R4"]), ("three", [])):
            (Path(scratch) / name).mkdir()
            fakes.append(Fake(Path(scratch) / name, *options))
            fakes[-1].name = name
        with Isthmus() as isthmus:
            run(isthmus, *fakes)
    finally:
        for fake in fakes:
            fake.stop()
