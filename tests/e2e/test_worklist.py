#!/usr/bin/env python3
"""Modalities find their steps: 50 orders in several scripts, from FHIR R5, FHIR R4 and a RIS.

findscu (DCMTK) always; pynetdicom and dcmjs-dimse where they are (see test_find_scu).
"""
import json
import os
import re
import subprocess
import tempfile
import time
from pathlib import Path

import dicom_query as q
import dicom_raw as dicom
import find_clients as clients
import orders
import worklist_queries as worklist
from harness import TOP, Isthmus, wait_until

STATIONS = [station for station, _, _ in orders.STATIONS]
LIMIT_MS = int(os.environ.get("ISTHMUS_CANCEL_MS", "30000"))  # 1000 on a machine that has nothing else to do


# --- Ways in, and what three modalities see -------------------------------------------------

def by_ris(isthmus, plans):
    assert {r["result"] for r in orders.put(isthmus, plans)} == {"created"}


def by_bundle(release):
    def put(isthmus, plans):
        path = isthmus.scratch / f"{release}.json"
        path.write_text(json.dumps(orders.bundle(plans, release), ensure_ascii=False))
        isthmus.tool("worklist", "import", str(path))
    return put


def pn(plan):
    name = plan["name"]
    return "=".join(name.get(g, "") for g in ("Alphabetic", "Ideographic", "Phonetic")).rstrip("=")


def check_keys(wanted, answer, who):
    """Every return key is there; those of type 1 have a value, and one of each pair of type 1C."""
    missing = [f"{tag:08X}" for tag in wanted if tag not in answer]
    assert not missing, (who, missing)
    empty = [f"{tag:08X}" for tag, (_, kind) in wanted.items() if kind == "1" and not answer[tag]]
    assert not empty, (who, empty)
    assert any(answer[tag] for tag, (_, kind) in wanted.items() if kind == "1C"), who


def check_three_modalities(isthmus, plans, scratch, way):
    today = worklist.day(plans[0])
    for station in STATIONS:
        mine = {p["accession"]: p for p in plans if p["station"] == station and worklist.day(p) == today}
        query = worklist.everything(step=[(worklist.STATION, "AE", station), (worklist.DATE, "DA", today)],
                                    calling=station)
        _, answers = clients.findscu(isthmus, query, scratch)
        assert sorted(a[0x00080050] for a in answers) == sorted(mine), (way, station, answers)
        assert len(mine) >= 10
        for answer in answers:
            plan = mine[answer[0x00080050]]
            step, = answer[worklist.STEPS]
            check_keys(worklist.ORDER_KEYS, answer, (way, station))
            check_keys(worklist.STEP_KEYS, step, (way, station))
            found = (answer[worklist.PN], answer[0x00100020], answer[0x00100030], step[worklist.STATION],
                     step[worklist.DATE], step[worklist.TIME][:4], step[worklist.MODALITY])
            assert found == (pn(plan), plan["patient_id"], plan["birth"].strftime("%Y%m%d"), station, today,
                             plan["start"].strftime("%H%M"), plan["modality"]), (way, found)
    print(f"{way}: three modalities, {len(plans)} orders: each its steps of today, with all keys of types 1 and 2")


# --- Other queries, other clients -----------------------------------------------------------

def found(matches):
    return sorted((m[worklist.PROCEDURE_ID], m[worklist.PN].rstrip("^= ")) for m in matches)


def check_clients(isthmus, plans, scratch):
    wanted, queries = zip(*worklist.queries(plans))
    expected = [sorted((p["procedure_id"], pn(p)) for p in some) for some in wanted]

    def compare(who, answers, which):
        for i, (status, matches) in zip(which, answers, strict=True):
            assert status == 0 and found(matches) == expected[i], \
                f"{who}: {queries[i]}\n  status {status}\n  wanted {expected[i]}\n  found  {found(matches)}"
        print(f"{who}: the right answers to {len(which)} queries")

    every = range(len(queries))
    compare("findscu", [clients.findscu(isthmus, query, scratch) for query in queries], every)
    if clients.has_pynetdicom():
        compare("pynetdicom", clients.pynetdicom(isthmus, queries), every)
    else:
        print("pynetdicom: skipped, it is not installed")
    if clients.has_dcmjs():  # it writes UTF-8 whatever it says
        plain = [i for i in every if queries[i]["charset"] == "ISO_IR 192"]
        compare("dcmjs-dimse", clients.dcmjs(isthmus, [queries[i] for i in plain]), plain)
    else:
        print("dcmjs-dimse: skipped, ISTHMUS_DCMJS is not set")


# --- C-CANCEL, limit ------------------------------------------------------------------------

def statements(isthmus):
    done = subprocess.run(["psql", "-XAtq", isthmus.db.replace("user=isthmus", "user=postgres"), "-c",
                           "select count(*) from pg_stat_activity where usename = 'isthmus-scp'"
                           " and state = 'active' and query ilike 'select %worklist_step%'"],
                          check=True, capture_output=True, text=True)
    return int(done.stdout)


def fill(isthmus):
    subprocess.run(["psql", "-Xq", "-v", "ON_ERROR_STOP=1", isthmus.db, "-f",
                    str(TOP / "tests/bench/worklist_population.sql"), "-c", "select bench.fill_worklist(20000)",
                    "-c", "analyze isthmus.worklist_order, isthmus.worklist_step"],
                   check=True, stdout=subprocess.DEVNULL)


def ask_for_all(isthmus):
    query = q.Query(isthmus, q.WORKLIST)
    query.ask(q.identifier(None, t00100010=("PN", ""), t00102110=("LO", ""), t00321064=("SQ", b""),
                           t00400100=("SQ", b"")))
    return query


def check_cancel(isthmus):
    query = ask_for_all(isthmus)
    for _ in range(3):
        assert query.next()[0] == 0xFF00
    began = time.monotonic()
    query.cancel()
    status, more = 0xFF00, -1
    while status == 0xFF00:
        status, _, _ = query.next()
        more += 1
    took = (time.monotonic() - began) * 1000
    assert status == 0xFE00, f"{status:04X}H after {more} matches more"
    assert took < LIMIT_MS, took
    wait_until(lambda: statements(isthmus) == 0, what="the end of a cancelled statement")
    matches, last = query.find(None, t00080050=("SH", "A000000007"))
    assert len(matches) == 1 and last[0x0900] == 0, "the association does not go on"
    query.release()
    query = ask_for_all(isthmus)
    assert query.next()[0] == 0xFF00
    query.close()
    wait_until(lambda: statements(isthmus) == 0, what="the end of the statement of who left")
    print(f"C-CANCEL after 3 of 20000 steps: FE00H in {took:.1f} ms, {more} matches more")


# --- Who may see what, and why --------------------------------------------------------------

def refused(isthmus, calling):
    """No presentation context for the worklist."""
    try:
        query = q.Query(isthmus, q.WORKLIST, calling=calling)
    except dicom.Refused:
        return True
    context = query.accepted.get((q.WORKLIST, dicom.EXPLICIT))
    query.close()
    return context is None


def seen(isthmus, calling, scratch, step=()):
    query = worklist.query([(0x00080050, "SH", "")], step, calling=calling)
    return {m[0x00080050] for m in clients.findscu(isthmus, query, scratch)[1]}


def check_rules(isthmus, plans, scratch):
    isthmus.configure('station_group "RADIOLOGY"', members='{"CT1", "MR1"}')
    isthmus.configure('ae "CT1"', worklist_own_stations="true")
    isthmus.configure('ae "MR1"', worklist_own_stations="true", worklist_stations='{"US1"}', charset='"ISO_IR 100"')
    isthmus.configure('ae "US1"', allow='{"store", "find"}')
    isthmus.restart("isthmus-scp")
    of = {s: {p["accession"] for p in plans if p["station"] == s} for s in STATIONS}
    group = plans[0]["accession"]  # which is for CT1 alone until now
    isthmus.sql("update isthmus.worklist_step s set scheduled_station_ae_titles = '{RADIOLOGY}' "
                "from isthmus.worklist_order o where o.order_key = s.order_key "
                f"and accession_number = '{group}'")
    assert seen(isthmus, "CT1", scratch) == of["CT1"]
    assert seen(isthmus, "CT1", scratch, [(worklist.STATION, "AE", "CT1")]) == of["CT1"]
    assert seen(isthmus, "CT1", scratch, [(worklist.STATION, "AE", "US1")]) == set()
    assert seen(isthmus, "MR1", scratch) == of["MR1"] | of["US1"] | {group}
    assert seen(isthmus, "WS1", scratch) == of["CT1"] | of["MR1"] | of["US1"]
    assert refused(isthmus, "US1") and not refused(isthmus, "WS1")

    gone, over = plans[3]["accession"], plans[9]["accession"]
    isthmus.tool("worklist", "cancel", gone)
    isthmus.tool("worklist", "complete", over)
    assert seen(isthmus, "CT1", scratch) == of["CT1"] - {gone, over}


def why(isthmus, aet, accession, *options):
    done = isthmus.tool("worklist", "why", "--aet", aet, "--accession", accession, "--json", *options, check=False)
    return done.returncode, json.loads(done.stdout)


def hindrances(told):
    return [r["what"] for step in told["steps"] for r in step["reasons"] if not r["fits"]]


def check_why(isthmus, plans, scratch):
    today = worklist.day(plans[0])
    for station in ("CT1", "MR1", "WS1"):
        asked = [(worklist.STATION, "AE", station), (worklist.DATE, "DA", today)]
        there = seen(isthmus, station, scratch, asked)
        for plan in plans[:12]:
            code, told = why(isthmus, station, plan["accession"], "--date", today)
            assert told["seen"] == (plan["accession"] in there) == (code == 0), (station, told)
            assert told["seen"] == (not hindrances(told)), told
    other_day = next(p for p in plans if p["station"] == "CT1" and worklist.day(p) != today
                     and p["n"] not in (0, 3, 9))
    rows = [("CT1", plans[1], ["own stations", "station"]), ("CT1", plans[3], ["order", "status"]),
            ("CT1", other_day, ["date"]), ("MR1", plans[12], ["own stations", "station"])]
    for aet, plan, wanted in rows:
        _, told = why(isthmus, aet, plan["accession"], "--date", today)
        assert hindrances(told) == wanted, (aet, plan["accession"], told)
    code, told = why(isthmus, "US1", plans[2]["accession"], "--date", today)
    assert code == 1 and "allow" in told["refused"], told
    code, told = why(isthmus, "CT1", "NONE")
    assert code == 1 and told["steps"] == []
    yamada = next(p for p in plans if "山田" in pn(p) and p["station"] == "MR1" and worklist.day(p) == today)
    _, told = why(isthmus, "MR1", yamada["accession"], "--date", today)
    assert any("ISO_IR 100" in r["text"] for r in told["steps"][0]["reasons"] if r["what"] == "charset"), told
    text = isthmus.tool("worklist", "why", "--aet", "CT1", "--accession", plans[1]["accession"], check=False).stdout
    assert re.match(r"CT1 does not see step SPS1 of requested procedure RP1\.\n", text), text
    assert isthmus.tool("worklist", "why", "--aet", "CT1", check=False).returncode == 2


# --------------------------------------------------------------------------------------------

with Isthmus() as i, tempfile.TemporaryDirectory() as directory:
    made, place = orders.plans(50), Path(directory)
    for name, way_in in (("R5", by_bundle("R5")), ("R4", by_bundle("R4")), ("RIS", by_ris)):
        i.sql("truncate isthmus.worklist_order cascade")
        way_in(i, made)
        check_three_modalities(i, made, place, name)
    check_clients(i, made, place)
    check_rules(i, made, place)
    check_why(i, made, place)
    fill(i)
    check_cancel(i)
