#!/usr/bin/env python3
"""What is published already, and changes without a new image: an Observation whose image was
rejected is deleted on the server, with ids of ours and with the server's; settings that change
Bundles make every study go again, others make none."""
import tempfile
from pathlib import Path

import dicom_raw as dicom
from harness import Isthmus, wait_until
from publishing import Fake

WEIGHT, SIZE = 0x00101030, 0x00101020
SEARCH = "http://hospital.example/isthmus"


def send(isthmus, study, number, *patient):
    """One image; @patient are elements that stand before group 0020."""
    uid = f"{study}.1.{number}"
    data = dicom.ct(study, f"{study}.1", uid, number)
    at = data.index(dicom.element(0x0020000D, "UI", study))
    data = data[:at] + b"".join(patient) + data[at:]
    a = dicom.Association(isthmus.address, isthmus.aet, [(dicom.CT_IMAGE, [dicom.EXPLICIT])])
    assert a.c_store(dicom.CT_IMAGE, uid, dicom.EXPLICIT, data)[0x0900] == 0
    a.release()


def codes(fake):
    return sorted(o["code"]["coding"][0]["code"]
                  for o in fake.state()["resources"].get("Observation", {}).values())


def settled(isthmus):
    wait_until(lambda: isthmus.sql("select count(*) from isthmus.outbox where parked_at is null")
               == [["0"]], timeout=300, what="an empty outbox")


def reject(isthmus, instance, rejected=True):
    isthmus.sql(f"update isthmus.instance set rejected = {int(rejected)} "
                f"where sop_instance_uid = '{instance}'")
    isthmus.sql("select isthmus.mark(study_key) from isthmus.study")
    settled(isthmus)


def withdrawal(isthmus, fake):
    """The weight stood in the first image only, the size in both."""
    assert codes(fake) == ["29463-7", "8302-2"], codes(fake)
    transactions = fake.state()["transactions"]
    reject(isthmus, "2.25.800.1.1")
    assert codes(fake) == ["8302-2"], codes(fake)
    reject(isthmus, "2.25.800.1.1")
    assert fake.state()["transactions"] == transactions + 1, "the deletion is sent twice"
    reject(isthmus, "2.25.800.1.1", False)
    assert codes(fake) == ["29463-7", "8302-2"], codes(fake)


def configure(isthmus, fake, section, **values):
    """How many studies are sent after a start with other settings."""
    before = fake.state()["transactions"]
    isthmus.configure(section, **values)
    isthmus.restart("isthmus-fhir")
    wait_until(lambda: isthmus.logs().count("publishing R") > configure.starts, what="the start")
    configure.starts = isthmus.logs().count("publishing R")
    settled(isthmus)
    return fake.state()["transactions"] - before


configure.starts = 1


def settings(isthmus, fake):
    send(isthmus, "2.25.801", 1)
    settled(isthmus)
    assert configure(isthmus, fake, "target", retry_max=5) == 0
    assert configure(isthmus, fake, "fhir", request_status="active") == 2
    assert configure(isthmus, fake, "fhir", patient_identifier_type='"PI"') == 2
    assert configure(isthmus, fake, "fhir", ethnicity="false") == 0, "equal Bundles were sent"


def release(isthmus, fake):
    """The server was updated while we were away."""
    fake.behave("ok", release="R4")
    assert configure(isthmus, fake, "target", retry_max=6) == 2
    for study in fake.studies().values():
        assert "system" in study["modality"][0], "that is not R4"


def send_two(isthmus, study):
    """The first has a weight, both have a size."""
    send(isthmus, study, 1, dicom.element(SIZE, "DS", "1.71"), dicom.element(WEIGHT, "DS", "62.5"))
    send(isthmus, study, 2, dicom.element(SIZE, "DS", "1.71"))


def main():
    with tempfile.TemporaryDirectory(prefix="isthmus-republish.") as scratch:
        for identity in ("id", "search"):
            directory = Path(scratch) / identity
            directory.mkdir()
            server = Fake(directory)
            try:
                with Isthmus(fhir=[server.url], release="auto") as isthmus:
                    isthmus.configure("fhir", publisher_system=f'"{SEARCH}"')
                    isthmus.configure("target", identity=identity)
                    isthmus.restart("isthmus-fhir")
                    send_two(isthmus, "2.25.800")
                    settled(isthmus)
                    withdrawal(isthmus, server)
                    if identity == "id":
                        configure.starts = isthmus.logs().count("publishing R")
                        settings(isthmus, server)
                        release(isthmus, server)
            finally:
                server.stop()


if __name__ == "__main__":
    main()
