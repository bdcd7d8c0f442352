#!/usr/bin/env python3
"""Orders come in from files, in R5 and R4, and the worklist is what they say."""
import datetime
import json
import subprocess
import tempfile
from pathlib import Path

import orders
from harness import Isthmus

TODAY = datetime.date.today()


def worklist(isthmus, *arguments, check=True):
    done = isthmus.tool("worklist", *arguments, check=check)
    assert "\r" not in done.stderr and "\033" not in done.stderr, "a bar in a pipe"
    return done


def imported(isthmus, path, expected=0):
    """What became of the orders in a file: {"created": n, …, "faults": […]}."""
    done = worklist(isthmus, "import", str(path), "--json", check=False)
    assert done.returncode == expected, done
    return json.loads(done.stdout)


def counts(result):
    return [result[k] for k in ("created", "updated", "unchanged", "ignored", "refused")]


def write(path, value):
    path.write_text(value if isinstance(value, str) else json.dumps(value, ensure_ascii=False))
    return path


def listed(isthmus, *filters):
    return json.loads(worklist(isthmus, "list", "--json", *filters).stdout)


def check_bundles(isthmus, scratch, plans):
    """Both releases say the same; each modality has its steps of today."""
    r5 = write(scratch / "r5.json", orders.bundle(plans, "R5"))
    r4 = write(scratch / "r4.json", orders.bundle(plans, "R4"))
    assert counts(imported(isthmus, r5)) == [50, 0, 0, 0, 0]
    assert counts(imported(isthmus, r4)) == [0, 0, 50, 0, 0]
    for station, modality, _ in orders.STATIONS:
        mine = {p["accession"]: p for p in plans
                if p["station"] == station and p["start"].date() == TODAY}
        rows = listed(isthmus, "--station", station, "--date", f"{TODAY:%Y%m%d}", "--modality", modality)
        named = listed(isthmus, "--station", station, "--date", "today", "--modality", modality)
        assert named == rows or TODAY != datetime.date.today(), "it is not midnight"
        assert sorted(r["accession"] for r in rows) == sorted(mine) and mine, (station, rows)
        for row in rows:
            plan = mine[row["accession"]]
            assert row["patient"] == plan["patient_id"] and row["status"] == "SCHEDULED", row
            assert row["name"].split("=")[0] == plan["name"]["Alphabetic"], row
            assert row["time"] == plan["start"].strftime("%H:%M"), (row, plan)
    lines = [json.dumps(e["resource"]) for e in orders.bundle(plans, "R4")["entry"]]
    ndjson = write(scratch / "orders.ndjson", "\n".join(lines) + "\n")
    assert counts(imported(isthmus, ndjson)) == [0, 50, 0, 0, 0], "the same orders, of no server"
    assert counts(imported(isthmus, r5)) == [0, 50, 0, 0, 0]
    assert isthmus.sql("select count(*), count(distinct source_url) from isthmus.worklist_order") \
        == [["50", "1"]]
    single = scratch / "single"
    single.mkdir()
    for i, line in enumerate(lines):
        write(single / f"{i}.json", line)
    assert counts(imported(isthmus, single)) == [0, 50, 0, 0, 0], "a file for each resource"
    done = subprocess.run([f"{isthmus.programs}/isthmus", "--config", str(isthmus.config), "worklist",
                           "import", "-"], stdin=open(r5, encoding="utf-8"), text=True,
                          capture_output=True, check=True)
    assert done.stdout.startswith("0 new, 50 changed, 0 unchanged"), done


def check_person(isthmus, plans):
    """list, show, cancel, complete: what each says and how it ends."""
    shown = json.loads(worklist(isthmus, "show", "A1001", "--json").stdout)
    assert shown["patient_name"] == plans[1]["name"]["Alphabetic"], shown
    assert shown["steps"][0]["attributes"]["00400010"]["Value"] == ["MR1NAME"], shown
    assert "A1001" in worklist(isthmus, "show", "P1").stdout
    for expected, arguments in [
            (0, ["cancel", "A1001"]), (1, ["cancel", "A1001"]), (0, ["complete", "F3"]),
            (0, ["complete", "A1004", "--step", "a4"]), (1, ["complete", "A1004", "--step", "a4"]),
            (1, ["complete", "A1004", "--step", "none"]), (1, ["show", "none"]), (2, ["show"]),
            (2, ["list", "more"]), (2, ["dance"]), (2, ["list", "--date", "soon"]), (2, []),
            (3, ["import", "/nonexistent"]), (0, ["list", "--help"])]:
        done = worklist(isthmus, *arguments, check=False)
        assert done.returncode == expected, (arguments, done)
    states = {(r["accession"], r["status"], r["order_status"]) for r in listed(isthmus)}
    assert {("A1001", "CANCELED", "revoked"), ("A1003", "COMPLETED", "completed"),
            ("A1004", "COMPLETED", "active")} <= states, states
    assert len(listed(isthmus, "--status", "canceled")) == 1
    assert [r["accession"] for r in listed(isthmus, "--patient", "PID1", "--accession", "A1002")] == ["A1002"]


def check_worklist_files(isthmus, scratch):
    """Out as DICOM files and as JSON, in again, also as the text of dcmdump: nothing is lost."""
    directory = scratch / "wl"
    worklist(isthmus, "export", "--directory", str(directory))
    files = sorted(directory.glob("*.wl"))
    assert len(files) == 50
    before = isthmus.sql("select order_attributes || step_attributes, step_status "
                         "from isthmus.worklist order by step_key")
    assert counts(imported(isthmus, directory)) == [0, 50, 0, 0, 0]
    assert isthmus.sql("select order_attributes || step_attributes, step_status "
                       "from isthmus.worklist order by step_key") == before
    dumps = scratch / "dumps"
    dumps.mkdir()
    for path in files:
        text = subprocess.run(["dcmdump", "+L", "-Un", str(path)], capture_output=True, check=True).stdout
        (dumps / (path.stem + ".dump")).write_bytes(text)
    assert counts(imported(isthmus, dumps)) == [0, 0, 50, 0, 0], "the same item in another form"
    part10 = scratch / "part10"
    part10.mkdir()
    for path in list(dumps.glob("*"))[:3]:
        subprocess.run(["dump2dcm", "-q", str(path), str(part10 / (path.stem + ".wl"))], check=True)
    assert counts(imported(isthmus, part10)) == [0, 0, 3, 0, 0], "with meta group, as dump2dcm writes it"
    exported = write(scratch / "export.json", worklist(isthmus, "export").stdout)
    assert counts(imported(isthmus, exported))[4] == 0
    assert isthmus.sql("select count(*) from isthmus.worklist") == [["50"]]


def check_bad_input(isthmus, scratch, plans):
    """A sentence for each fault, nothing half imported, and the good ones beside go in."""
    def bundle(change, n=900):
        plan = dict(orders.plans(n + 1)[n])
        made = orders.resources(plan)
        change(made)
        return {"resourceType": "Bundle", "entry": [{"resource": r} for r in made + orders.shared()]}

    def without_patient(made):
        made[:] = [r for r in made if r["resourceType"] != "Patient"]

    def wrong_types(made):
        made[0].update(identifier={}, requester=7, priority=[])

    before = isthmus.sql("select count(*) from isthmus.worklist_order")
    rows = [
        ("x" * 10_000_000, ["it is neither a DICOM file"]),
        ("{" * 10_000_000, ["it is not JSON"]),
        ('{"resourceType": "Bundle", "entry": [' + '{"resource": {"x": 7}},' * 400_000 + "7]}",
         ["there is no ServiceRequest in it"]),
        ('{"resourceType": ' + "[" * 100_000, ["it is not JSON"]),
        (bundle(without_patient), ["the Patient that subject names is missing"]),
        (bundle(wrong_types), ["identifier is not an array", "priority is not a text",
                               "requester is not an object"]),
        (bundle(lambda made: made[0].update(priority="a\0b")), ["priority holds a NUL character"]),
        (bundle(lambda made: made[2]["identifier"][0].update(value="x" * 65)),
         ["Patient ID (0010,0020) is longer than 64 characters"]),
        (bundle(lambda made: made[0]["identifier"][0].update(value="A\\B\n")),
         ["(0008,0050) has control characters or a backslash in a value"]),
        (bundle(lambda made: made[2].pop("name")), ["Patient's Name (0010,0010) is missing"]),
        ([{"attributes": {"00100020": {"vr": "LO", "Value": [{}]}}}, 7, {}],
         ["(0010,0020) has a value of the wrong type", "the order is not a JSON object",
          "Patient ID (0010,0020) is missing", "Patient's Name (0010,0010) is missing",
          "Scheduled Procedure Step Sequence (0040,0100) is missing"]),
    ]
    for i, (content, faults) in enumerate(rows):
        path = write(scratch / f"bad{i}.json", content)
        said = [f["fault"] for f in imported(isthmus, path, expected=1)["faults"]]
        assert len(said) == len(faults), (i, said)
        assert all(s.startswith(f) for s, f in zip(said, faults)), (i, said)
    assert isthmus.sql("select count(*) from isthmus.worklist_order") == before
    hostile = "'; drop table isthmus.study; -- %s%n ${x} \"q\" <b>&amp;"
    mixed = [{"attributes": orders.item(p)} for p in plans[:2]] + [{"attributes": {}}]
    mixed[0]["attributes"]["00401002"] = {"vr": "LO", "Value": [hostile]}
    result = imported(isthmus, write(scratch / "mixed.json", mixed), expected=1)
    assert counts(result)[4] == 1 and sum(counts(result)) == 3, result
    assert isthmus.sql("select attributes #>> '{00401002,Value,0}' from isthmus.worklist_order "
                       "where accession_number = 'A1000'") == [[hostile]]
    done = worklist(isthmus, "import", str(scratch / "mixed.json"), check=False)
    assert done.returncode == 1 and "mixed.json: order 3: Patient ID" in done.stderr, done
    assert done.stdout == "0 new, 0 changed, 2 unchanged, 0 over already, 1 refused\n", done


def main():
    plans = orders.plans(50, TODAY)
    with tempfile.TemporaryDirectory(prefix="isthmus-e2e.") as directory, Isthmus() as isthmus:
        scratch = Path(directory)
        check_bundles(isthmus, scratch, plans)
        check_person(isthmus, plans)
        check_worklist_files(isthmus, scratch)
        check_bad_input(isthmus, scratch, plans)


if __name__ == "__main__":
    main()
