#!/usr/bin/env python3
"""The administrator's tool: exit statuses, what it says in a pipe, and its work on the outbox."""
import json
import subprocess

import dicom_raw as dicom
from harness import TOP, Isthmus, wait_until

STUDY = "2.25.147763717617318706757137141068039716864"
ACCESSION = "ACC-2026-00815"
PATIENT = ("PHANTOM", "4711", "Zoë", ACCESSION)


def check_usage(isthmus):
    rows = [
        (0, ["--help"]), (0, ["verify", "--help"]), (0, ["--version"]),
        (2, []), (2, ["nonsense"]), (2, ["--nonsense"]), (2, ["status", "now"]),
        (2, ["verify", "--jobs", "0"]), (2, ["verify", "--rate", "fast"]), (2, ["publish"]),
        (2, ["publish", "dance"]), (2, ["publish", "why"]), (2, ["publish", "replay"]),
        (2, ["conflicts"]), (1, ["publish", "why", "9.9.9"]),
        (1, ["publish", "list", "--target", "nowhere"]),
    ]
    for expected, arguments in rows:
        done = isthmus.tool(*arguments, check=False)
        assert done.returncode == expected, (arguments, done)
        said = done.stdout if expected == 0 else done.stderr
        assert said, arguments
        assert "\r" not in done.stderr and "\033" not in done.stderr, "a bar in a pipe"
    done = subprocess.run([f"{isthmus.programs}/isthmus", "--config", "/nonexistent", "status"],
                          text=True, capture_output=True, check=False)
    assert done.returncode == 3 and "/nonexistent" in done.stderr, done


def status(isthmus):
    return json.loads(isthmus.tool("status", "--json").stdout)


def check_status(isthmus):
    now = status(isthmus)
    assert (now["patients"], now["studies"], now["series"], now["instances"]) == (1, 1, 1, 5), now
    files = [p for p in (isthmus.dir / "store/objects").rglob("*.dcm")]
    assert 0 < now["bytes"] < sum(p.stat().st_size for p in files), now
    assert now["spooled"] == 0 and now["free_bytes"] > 0, now
    assert now["studies_flagged"]["unknown_accession_number"] == 1, now
    assert [t["published"] for t in now["targets"]] == [1], now
    text = isthmus.tool("status").stdout + isthmus.tool("publish", "list", STUDY).stdout
    for value in PATIENT:
        assert value not in text, f"{value} is shown"


def check_publish(isthmus):
    """Park the study by hand: the publisher does not touch it, a person sees why and replays."""
    isthmus.sql("insert into isthmus.outbox (target_key, study_key, due_at, attempts, parked_at, "
                "last_failure) select target_key, study_key, now(), 1, now(), '422: no such code' "
                "from isthmus.target, isthmus.study")
    assert status(isthmus)["targets"][0]["parked"] == 1
    listed = json.loads(isthmus.tool("publish", "list", "--parked", "--json").stdout)
    assert [(r["study"], r["state"]) for r in listed] == [(STUDY, "parked")], listed
    assert "422: no such code" not in str(listed), "the words of the target are for 'why'"
    assert "422: no such code" in isthmus.tool("publish", "why", ACCESSION).stdout
    before = isthmus.sql("select published_at from isthmus.published")
    isthmus.tool("publish", "replay", STUDY)
    wait_until(lambda: isthmus.sql("select published_at from isthmus.published") != before,
               what="the repeated publication")
    assert "nothing waits" in isthmus.tool("publish", "why", STUDY).stdout


def check_accession_numbers(isthmus):
    isthmus.sql("insert into isthmus.study (patient_key, study_instance_uid, accession_number, "
                "patient_attributes, attributes) select patient_key, '2.25.1', accession_number, "
                "'{}', '{}' from isthmus.study")
    done = isthmus.tool("publish", "why", ACCESSION, check=False)
    assert done.returncode == 2 and "2.25.1" in done.stderr and STUDY in done.stderr, done
    isthmus.tool("publish", "why", STUDY)
    isthmus.sql("delete from isthmus.study where study_instance_uid = '2.25.1'")


def check_conflicts(isthmus, file):
    meta, data = dicom.part10(file)
    data = data[:-1] + bytes([data[-1] ^ 1])
    a = dicom.Association(isthmus.address, isthmus.aet, [(dicom.CT_IMAGE, [dicom.EXPLICIT])])
    assert a.c_store(meta[2], meta[3], meta[16], data)[0x0900] == 0
    a.release()
    listed = json.loads(isthmus.tool("conflicts", "list", "--json").stdout)
    assert [(r["sop_instance_uid"], r["reason"], r["study"]) for r in listed] == \
        [(meta[3], "other bytes", STUDY)], listed
    assert status(isthmus)["conflicts"] == 1


def check_verify(isthmus):
    result = json.loads(isthmus.tool("verify", "--json", "--jobs", "3").stdout)
    assert (result["checked"], result["wrong"], result["problems"]) == (6, 0, []), result
    stored = next((isthmus.dir / "store/objects").rglob("*.dcm"))
    stray = stored.with_name("00000000000000aa.dcm")
    stray = isthmus.dir / "store/objects/19700101/0000" / stray.name
    stray.parent.mkdir(parents=True)
    stray.write_bytes(b"x")
    done = isthmus.tool("verify", "--json", check=False)
    assert done.returncode == 1, done
    assert [p["problem"] for p in json.loads(done.stdout)["problems"]] == \
        ["no row names this file"], done.stdout
    assert stray.exists(), "verify changed something"


def check_database_away(isthmus):
    (isthmus.dir / "away.conf").write_text('database { conninfo = "host=/nowhere" }\n')
    for command in ("status", "verify", "migrate"):
        done = subprocess.run([f"{isthmus.programs}/isthmus", "--config", isthmus.dir / "away.conf",
                               command, *(["--sql", TOP / "sql"] if command == "migrate" else [])],
                              text=True, capture_output=True, check=False)
        assert done.returncode == 3 and "cannot connect" in done.stderr, done


with Isthmus(sample=True) as isthmus:
    wait_until(lambda: STUDY in isthmus.imaging_studies(), what="the ImagingStudy")
    wait_until(lambda: isthmus.sql("select count(*) from isthmus.outbox") == [["0"]], what="the end of publishing")
    check_usage(isthmus)
    check_status(isthmus)
    check_publish(isthmus)
    check_accession_numbers(isthmus)
    samples = isthmus.scratch / "sample"
    subprocess.run([TOP / "etc/sample/make", samples], check=True)
    check_conflicts(isthmus, sorted(samples.glob("*.dcm"))[0])
    check_verify(isthmus)
    check_database_away(isthmus)
    assert isthmus.tool("migrate", "--sql", str(TOP / "sql")).stdout.startswith("the index is of")
