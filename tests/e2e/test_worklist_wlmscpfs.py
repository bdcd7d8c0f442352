#!/usr/bin/env python3
"""DCMTK's wlmscpfs and Isthmus with the same items answer the same queries with the same steps.

Where they differ, the difference is known beforehand, and the standard allows it:
- Optional matching keys that wlmscpfs does not support are to it return keys (PS3.4 K.2.2.1.1.2).
- Names: whether case and accents count is the provider's to say (C.2.2.2.1). To wlmscpfs they do, and it
  compares the whole value, not each component group, as bytes, not as characters in their character set.
- Patient ID: table K.6-1 asks for single value matching; more is allowed.
- A time range beside a date range is a range of moments (table K.6-1) to both.
"""
import datetime
import fnmatch
import subprocess
import tempfile
from pathlib import Path
from types import SimpleNamespace

import find_clients as clients
import orders
import worklist_queries as worklist
from harness import Isthmus, ReservedPort, wait_until

PHYSICIAN, SEX, BIRTH = 0x00400006, 0x00100040, 0x00100030
UNSUPPORTED = {0x00102110: "Allergies", 0x00101030: "Patient's Weight", 0x0020000D: "Study Instance UID",
               0x00321064: "Requested Procedure Code Sequence", 0x00400008: "Scheduled Protocol Code Sequence",
               0x00400011: "Scheduled Procedure Step Location", 0x00400010: "Scheduled Station Name",
               0x00080090: "Referring Physician's Name", 0x00321060: "Requested Procedure Description",
               0x00401003: "Requested Procedure Priority"}


def more_queries(plans):
    """What test_worklist does not ask."""
    today = worklist.day(plans[0])
    yesterday = (plans[0]["start"] - datetime.timedelta(days=1)).strftime("%Y%m%d")

    def that(condition):
        return [p for p in plans if condition(p)]

    made = [
        (plans, worklist.query(step=[(PHYSICIAN, "PN", "R*gen^Wilhelm")])),
        ([], worklist.query(step=[(PHYSICIAN, "PN", "Nobody*")])),
        ([], worklist.query(step=[(worklist.STATION, "AE", "NONE")])),
        (that(lambda p: p["start"].strftime("%H%M") == "0814"), worklist.query(step=[(worklist.TIME, "TM", "081400")])),
        (that(lambda p: p["start"].strftime("%H%M") >= "1300"), worklist.query(step=[(worklist.TIME, "TM", "1300-")])),
        (that(lambda p: worklist.day(p) < today), worklist.query(step=[(worklist.DATE, "DA", f"-{yesterday}")])),
        (that(lambda p: p["station"] == "CT1" and worklist.day(p) == today and p["n"] == 9), worklist.query(
            [(0x00080050, "SH", "A1009"), (0x00100020, "LO", "PID4")],
            [(worklist.STATION, "AE", "CT1"), (worklist.DATE, "DA", today), (worklist.MODALITY, "CS", "CT")])),
        (that(lambda p: p["sex"] == "F"), worklist.query([(SEX, "CS", "F")])),
        (that(lambda p: p["birth"] == plans[4]["birth"]), worklist.query([(BIRTH, "DA", plans[4]["birth"].strftime("%Y%m%d"))])),
        (plans, worklist.query([(0x00080090, "PN", "Curie^*")])),
        (that(lambda p: p["modality"] == "US"), worklist.query([(0x00321060, "LO", "Ultra*")])),
        (plans, worklist.query([(0x00401003, "SH", "ROUTINE")])),
        (that(lambda p: p["station"] == "MR1"), worklist.query(step=[(0x00400010, "SH", "MR1NAME")])),
        (that(lambda p: p["patient_id"].startswith("PID1")), worklist.query([(0x00100020, "LO", "PID1*")])),
    ]
    return made + [(that(lambda p: part in p["name"]["Alphabetic"]), worklist.query([(worklist.PN, "PN", key)]))
                   for part, key in (("Smith", "Smith^John"), ("Hong", "Hong*"), ("Yamada", "Yamada^T*"),
                                     ("Müller", "Müller^*"), ("Διο", "Διονυσιος"))]


def pn(plan):
    name = plan["name"]
    return "=".join(name.get(g, "") for g in ("Alphabetic", "Ideographic", "Phonetic")).rstrip("=")


def keys_of(query):
    for tag, _, value in query["keys"]:
        if tag == worklist.STEPS:
            yield from ((t, v) for t, _, v in value if v)
        elif value:
            yield tag, value


def by_wlmscpfs(plans, wanted, query):
    """What it finds, and why that is not what we find."""
    given = dict(keys_of(query))
    ignored = [UNSUPPORTED[tag] for tag in given if tag in UNSUPPORTED]
    if ignored:
        assert len(given) == len(ignored), "it has other keys too"
        return plans, f"{ignored[0]} is a return key to it"
    if "*" in given.get(0x00100020, ""):
        return [], "it has no wildcards in Patient ID"
    name = given.get(worklist.PN)
    if not name:
        return wanted, None
    if query["charset"] != "ISO_IR 192" and not name.isascii():
        return [], "it compares bytes"
    return [p for p in plans if fnmatch.fnmatchcase(pn(p), name)], "it compares whole names with case and accents"


class Wlmscpfs:
    """With the items that `isthmus worklist export` writes."""

    def __init__(self, isthmus, directory):
        self.port = ReservedPort()
        self.address, self.aet = ("127.0.0.1", self.port.number), "WLM"
        items = directory / self.aet
        items.mkdir()
        isthmus.tool("worklist", "export", "--directory", str(items))
        (items / "lockfile").touch()
        self.log = (directory / "log").open("wb")
        self.server = subprocess.Popen(["wlmscpfs", "-v", "-csk", "-dfp", str(directory), str(self.address[1])],
                                       stdout=self.log, stderr=self.log)

    def __enter__(self):
        wait_until(lambda: subprocess.run(["echoscu", "-aec", self.aet, *map(str, self.address)],
                                          capture_output=True, check=False).returncode == 0, what="wlmscpfs")
        self.port.close()
        return self

    def __exit__(self, *_):
        self.server.kill()
        self.server.wait()
        self.log.close()


def numbers(plans):
    return sorted(p["procedure_id"] for p in plans)


def check(isthmus, scratch):
    plans = orders.plans(50)
    orders.put(isthmus, plans)
    differences, unknown = {}, []
    queries = worklist.queries(plans) + more_queries(plans)
    with Wlmscpfs(isthmus, scratch) as wlmscpfs:
        for wanted, query in queries:
            ours, theirs = ([m[worklist.PROCEDURE_ID] for m in clients.findscu(who, query, scratch)[1]]
                            for who in (isthmus, wlmscpfs))
            assert sorted(ours) == numbers(wanted), (query, ours)
            expected, reason = by_wlmscpfs(plans, wanted, query)
            if sorted(theirs) != numbers(expected):
                unknown.append((list(keys_of(query)), len(theirs), len(expected)))
            if sorted(theirs) != sorted(ours):
                differences[reason] = differences.get(reason, 0) + 1
    assert not unknown, f"wlmscpfs finds what was not foreseen: {unknown}"
    same = len(queries) - sum(differences.values())
    print(f"the same steps for {same} of {len(queries)} queries; the others:")
    for reason, n in differences.items():
        print(f"  {n}: {reason}")
    assert same >= 25


with Isthmus() as i, tempfile.TemporaryDirectory() as made:
    check(i, Path(made))
