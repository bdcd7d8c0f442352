#!/usr/bin/env python3
"""The same queries asked by clients that others wrote: the same matches, the same names.

findscu (DCMTK) always; pynetdicom where it can be imported or ISTHMUS_PYNETDICOM names a Python that has
it; dcmjs-dimse where ISTHMUS_DCMJS is a directory with its node_modules. Not gdcmscu: 3.0.21 aborts at the
end of every association, whoever the peer is, and has printed nothing by then.
"""
import re
import tempfile
import unicodedata
from pathlib import Path

import dicom_query as q
import find_clients as clients
import find_population as population
from harness import Isthmus

ROOTS = {q.STUDY_ROOT: "study", q.PATIENT_ROOT: "patient"}
PN = 0x00100010


def wanted(query, match):
    """What is compared: the unique keys and the name, {tag: text}."""
    tags = [PN, *population.UNIQUE[query["level"]]]
    return tuple(unicodedata.normalize("NFC", match.get(t, "").rstrip(" \0^=")) for t in tags)


# --- the raw client, which the others are compared with -------------------------------------

def raw(isthmus, queries):
    answers = []
    associations = {root: q.Query(isthmus, root) for root in ROOTS}
    for query in queries:
        keys = {f"t{tag:08X}": (vr, population.item(value) if vr == "SQ" else value)
                for tag, vr, value in query["keys"]}
        matches, last = associations[query["root"]].find(query["level"], charset=query["charset"], **keys)
        codec = {b"ISO_IR 192": "utf-8", b"ISO_IR 100": "latin-1"}
        answers.append((last[0x0900], [{tag: value.decode(codec.get(match.get(0x00080005), "ascii"), "replace")
                                        for tag, value in match.items()} for match in matches]))
    for association in associations.values():
        association.release()
    return answers


# --------------------------------------------------------------------------------------------

def compare(who, queries, expected, answers):
    assert len(answers) == len(expected), f"{who} gave {len(answers)} answers to {len(expected)} queries"
    for query, (_, mine), (status, theirs) in zip(queries, expected, answers):
        ours = sorted(wanted(query, m) for m in mine)
        found = sorted(wanted(query, m) for m in theirs)
        assert status == 0 and ours == found, f"{who}: {query}\n  status {status}\n  raw  {ours}\n  they {found}"
    print(f"{who}: the same answers to {len(answers)} queries")


def check_all(isthmus, scratch):
    counts, queries = zip(*population.queries())
    expected = raw(isthmus, queries)
    for n, query, (status, matches) in zip(counts, queries, expected):
        assert status == 0 and len(matches) == n, (query, status, len(matches), n)
    for matches in (m for query, (_, m) in zip(queries, expected) if query["charset"] == "ISO_IR 192"):
        for match in matches:
            key = match.get(0x00100020) or match[0x0020000D]
            name = population.PATIENTS[int(re.split(r"[-.]", key)[1 if "-" in key else 3]) - 1][0]
            assert match[PN] == name, (match, name)

    compare("findscu", queries, expected, [clients.findscu(isthmus, query, scratch) for query in queries])
    if clients.has_pynetdicom():
        compare("pynetdicom", queries, expected, clients.pynetdicom(isthmus, queries))
    else:
        print("pynetdicom: skipped, it is not installed")
    if clients.has_dcmjs():  # it writes UTF-8 whatever it says
        plain = [i for i, query in enumerate(queries) if query["charset"] == "ISO_IR 192"]
        queries, expected = [queries[i] for i in plain], [expected[i] for i in plain]
        compare("dcmjs-dimse", queries, expected, clients.dcmjs(isthmus, queries))
    else:
        print("dcmjs-dimse: skipped, ISTHMUS_DCMJS is not set")


def check_stored_charset(isthmus):
    """Who asks in ASCII gets each name in the character set in which it was stored."""
    for root, level in ((q.STUDY_ROOT, "STUDY"), (q.PATIENT_ROOT, "PATIENT")):
        association = q.Query(isthmus, root)
        matches, last = association.find(level, charset="ISO_IR 6", t00100010=("PN", ""), t00100020=("LO", ""))
        association.release()
        assert last[0x0900] == 0 and len(matches) == len(population.PATIENTS), last
        for match in matches:
            name, charset, encode = population.PATIENTS[int(match[0x00100020].split(b"-")[1]) - 1]
            charset = None if name.isascii() else charset.encode()
            assert match.get(0x00080005) in (charset, b"ISO_IR 6"), (name, match)
            assert match[PN] == encode(name), (name, match)
    if clients.has_pynetdicom():
        (status, matches), = clients.pynetdicom(isthmus, [{**population.query("STUDY"), "charset": "ISO_IR 6"}])
        assert status == 0
        assert sorted(m[PN] for m in matches) == sorted(name for name, _, _ in population.PATIENTS), matches


with Isthmus() as i, tempfile.TemporaryDirectory() as directory:
    population.store(i)
    check_all(i, Path(directory))
    check_stored_charset(i)
