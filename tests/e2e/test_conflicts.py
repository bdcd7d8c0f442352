#!/usr/bin/env python3
"""One SOP Instance UID, other bytes: each kind, settled each way, at once and in the middle.

After 'replace' the index is row by row what it would be had the replaced instance never come.
ISTHMUS_RACE_RUNS scales the race.
"""
# fault
import json
import os
import threading

import dicom_raw as dicom
from dicom_query import Query
from harness import Isthmus, damage, wait_until
from rebuild import TABLES, Fresh, rows

RUNS = int(os.environ.get("ISTHMUS_RACE_RUNS", "100"))


def connect(isthmus):
    return dicom.Association(isthmus.address, isthmus.aet, [(dicom.CT_IMAGE, [dicom.EXPLICIT])])


def ct(study, series, uid, n=1, **text):
    return uid, dicom.ct(f"2.25.{study}", f"2.25.{study}.{series}", uid, n, **text)


def store(isthmus, *instances):
    a = connect(isthmus)
    for uid, data in instances:
        assert a.c_store(dicom.CT_IMAGE, uid, dicom.EXPLICIT, data)[0x0900] == 0, uid
    a.release()


def listed(isthmus, *options):
    return json.loads(isthmus.tool("conflicts", "list", "--json", *options).stdout)


def numbers(isthmus):
    return [str(c["conflict"]) for c in listed(isthmus)]


def instance(isthmus, uid):
    """Study and patient in which an instance is shown."""
    return isthmus.sql("select t.study_instance_uid, p.patient_id, p.patient_name from "
                       "isthmus.instance i join isthmus.series s using (series_key) join isthmus.study "
                       "t using (study_key) join isthmus.patient p using (patient_key) "
                       f"where sop_instance_uid = '{uid}'")


def find(isthmus, study):
    """How many studies C-FIND shows under this UID."""
    q = Query(isthmus)
    found = len(q.find("STUDY", t0020000D=("UI", study))[0])
    q.release()
    return found


def check_as_if_never(isthmus, name):
    """The index is what the files without those of the history give."""
    root = isthmus.scratch / f"{name}.store"
    (root / "incoming").mkdir(parents=True)
    gone = {f"{int(blob):016x}.dcm" for (blob,) in isthmus.sql("select blob from isthmus.conflict")}
    for path in (isthmus.dir / "store/objects").rglob("*.dcm"):
        if path.name not in gone:
            copy = root / "objects" / path.relative_to(isthmus.dir / "store/objects")
            copy.parent.mkdir(parents=True, exist_ok=True)
            copy.write_bytes(path.read_bytes())
    fresh = Fresh(isthmus, name, root)
    fresh.tool("reindex")
    here, there = rows(isthmus, "isthmus"), rows(isthmus, name)
    for table in TABLES:
        if table == "conflict":
            continue
        assert here[table] == there[table], (name, table, set(here[table]) ^ set(there[table]))


KINDS = {  # what comes under the UID of instance 2 of study 900
    "bytes": ct(900, 1, "2.25.900.1.2", 99),
    "header": ct(900, 1, "2.25.900.1.2", 2, name="Right^Name"),
    "series": ct(900, 2, "2.25.900.1.2", 2),
    "study": ct(901, 1, "2.25.900.1.2", 2),
    "new_study": ct(902, 1, "2.25.900.1.2", 2, modality="MR"),
    "patient": ct(900, 1, "2.25.900.1.2", 2, id="OTHER-7", name="Other^Patient"),
    "study_and_patient": ct(903, 1, "2.25.900.1.2", 2, id="OTHER-8", accession="A-8"),
}


def check_replace(isthmus):
    """Every kind of newcomer takes the place of what was there, one after the other."""
    store(isthmus, *(ct(900, 1, f"2.25.900.1.{n}", n) for n in (1, 2, 3)), ct(901, 1, "2.25.901.1.1"))
    sent = [ct(900, 1, "2.25.900.1.2", 2)]
    store(isthmus, sent[0])
    assert listed(isthmus) == [], "the same bytes are no conflict"
    for kind, newcomer in KINDS.items():
        store(isthmus, newcomer)
        conflict = listed(isthmus)
        assert [c["sop_instance_uid"] for c in conflict] == ["2.25.900.1.2"], (kind, conflict)
        assert conflict[0]["reason"] == ("other study or series" if kind in
                                         ("series", "study", "new_study", "study_and_patient")
                                         or len(sent) > 3 else "other bytes"), (kind, conflict)
        shown = isthmus.sql("select has_conflict from isthmus.study where study_instance_uid = "
                            f"'{instance(isthmus, '2.25.900.1.2')[0][0]}'")
        assert shown == [["t"]], kind
        isthmus.tool("conflicts", "replace", numbers(isthmus)[0], "--why", f"kind {kind}")
        check_as_if_never(isthmus, f"as_if_{kind}")
        sent.append(newcomer)
        assert listed(isthmus) == [], kind
        assert isthmus.sql("select count(*) from isthmus.study where has_conflict") == [["0"]], kind
    store(isthmus, *sent)
    assert listed(isthmus) == [], "sent again, a settled conflict is open again"
    history = listed(isthmus, "--all")
    assert [(c["state"], c["why"]) for c in history] == \
        [("replaced", f"kind {kind}") for kind in KINDS], history
    assert all(c["settled_by"] and c["settled_at"] for c in history), history
    for blob, digest in isthmus.sql("select blob, encode(digest, 'hex') from isthmus.conflict"):
        assert isthmus.stored_path(blob).exists(), digest
    isthmus.tool("verify")


def check_emptied(isthmus):
    """The last instance of a study goes elsewhere: nobody sees the study, FHIR has it empty; what
    comes to it later makes it anew."""
    store(isthmus, ct(910, 1, "2.25.910.1.1", name="Wrong^Name", id="W-1", accession="WRONG"))
    wait_until(lambda: "2.25.910" in isthmus.imaging_studies(), what="the first publication")
    store(isthmus, ct(911, 1, "2.25.910.1.1", id="W-2"))
    isthmus.tool("conflicts", "replace", "2.25.910.1.1")
    assert instance(isthmus, "2.25.910.1.1")[0][:2] == ["2.25.911", "W-2"]
    check_as_if_never(isthmus, "as_if_emptied")
    assert find(isthmus, "2.25.910") == 0 and find(isthmus, "2.25.911") == 1
    studies = wait_until(lambda: (s := isthmus.imaging_studies()).get("2.25.911") and
                         s["2.25.910"].get("numberOfInstances", 0) == 0 and s,
                         what="the publication of both studies")
    assert studies["2.25.911"]["numberOfInstances"] == 1, studies
    store(isthmus, ct(910, 1, "2.25.910.1.9", name="Later^Name", id="W-3", accession="RIGHT"))
    assert isthmus.sql("select accession_number, patient_id, number_of_study_related_instances from "
                       "isthmus.study join isthmus.study_count using (study_key) join isthmus.patient using (patient_key) "
                       "where study_instance_uid = '2.25.910'") == [["RIGHT", "W-3", "1"]]
    check_as_if_never(isthmus, "as_if_refilled")


def check_whole_study(isthmus):
    """A study that was sent again with the patient's right name, settled at once."""
    store(isthmus, *(ct(920, n % 2, f"2.25.920.{n}", n, name="Wrnog^Name", id="N-1") for n in range(6)))
    store(isthmus, *(ct(920, n % 2, f"2.25.920.{n}", n, name="Wrong^Not", id="N-1") for n in range(6)))
    assert len(listed(isthmus)) == 6
    isthmus.tool("conflicts", "replace", "--study", "2.25.920", "--why", "a typing error")
    assert instance(isthmus, "2.25.920.1") == [["2.25.920", "N-1", "Wrong^Not"]]
    check_as_if_never(isthmus, "as_if_whole")
    wait_until(lambda: "Wrong^Not" in str(isthmus.sql("select patient_name from isthmus.patient")) and
               isthmus.imaging_studies().get("2.25.920", {}).get("numberOfInstances") == 6, what="its publication")


def check_keep(isthmus):
    before = {t: r for t, r in rows(isthmus, "isthmus").items() if t != "conflict"}
    store(isthmus, ct(920, 0, "2.25.920.0", 77), ct(930, 0, "2.25.920.0", 78))
    assert len(listed(isthmus)) == 2
    done = isthmus.tool("conflicts", "keep", "2.25.920.0", check=False)
    assert done.returncode == 2 and "2 conflicts" in done.stderr, done
    isthmus.tool("conflicts", "keep", *numbers(isthmus), "--why", "a test")
    assert {t: r for t, r in rows(isthmus, "isthmus").items() if t != "conflict"} == before
    store(isthmus, ct(920, 0, "2.25.920.0", 77), ct(930, 0, "2.25.920.0", 78))
    assert listed(isthmus) == []
    store(isthmus, ct(920, 0, "2.25.920.0", 79))
    assert len(listed(isthmus)) == 1, "bytes that nobody judged are a conflict"
    isthmus.tool("conflicts", "keep", "--study", "2.25.920")
    assert [c["state"] for c in listed(isthmus, "--all")[-3:]] == ["kept"] * 3


def check_show(isthmus):
    store(isthmus, ct(940, 1, "2.25.940.1", 1), ct(941, 1, "2.25.940.1", 2, name="Zoë^New"))
    number = numbers(isthmus)[0]
    text = isthmus.tool("conflicts", "show", number).stdout
    shown = json.loads(isthmus.tool("conflicts", "show", "2.25.940.1", "--json").stdout)
    assert [(d["tag"], d["keyword"]) for d in shown["differences"]] == \
        [("00100010", "PatientName"), ("00200013", "InstanceNumber")], shown
    assert shown["differences"][0]["aside"] == [{"Alphabetic": "Zoë^New"}], shown
    assert (shown["there"]["study_instance_uid"], shown["aside"]["study_instance_uid"]) == \
        ("2.25.940", "2.25.941"), shown
    for word in ("(0010,0010) PatientName", "Load^Test", "Zoë^New", shown["aside"]["file"]):
        assert word in text, text


def check_refused(isthmus):
    """What cannot be done changes nothing and says why."""
    number = numbers(isthmus)[0]
    before = rows(isthmus, "isthmus")
    mend = damage(isthmus.stored_path(isthmus.sql("select blob from isthmus.conflict where conflict_key = "
                                                  + number)[0][0]))
    done = isthmus.tool("conflicts", "replace", number, check=False)
    assert done.returncode == 1 and "damaged" in done.stderr, done
    mend()
    for arguments in (["keep", "999999"], ["replace", "9.9"], ["show", "9.9"]):
        done = isthmus.tool("conflicts", *arguments, check=False)
        assert done.returncode == 1 and "no open conflict" in done.stderr, done
    for arguments in (["keep"], ["dance"], ["replace", number, "--study", "1.2"], ["list", "7"]):
        assert isthmus.tool("conflicts", *arguments, check=False).returncode == 2, arguments
    assert rows(isthmus, "isthmus") == before
    isthmus.tool("conflicts", "replace", number)
    assert isthmus.tool("conflicts", "keep", number, check=False).returncode == 1


def send_at_once(associations, uid, data_sets):
    """The last byte of each goes out when all of them are that far; the statuses."""
    gate, statuses = threading.Barrier(len(associations)), [None] * len(associations)

    def send(n):
        a = associations[n]
        a.message += 1
        context = a.accepted[dicom.CT_IMAGE, dicom.EXPLICIT]
        a.send_pdv(context, 3, dicom.command({0x0002: dicom.CT_IMAGE, 0x0100: 1, 0x0700: 0,
                                              0x0110: a.message, 0x1000: uid}, True))
        a.send_pdv(context, 0, data_sets[n][:-2])
        gate.wait()
        a.send_pdv(context, 2, data_sets[n][-2:])
        statuses[n] = a.read_response()[0x0900]

    threads = [threading.Thread(target=send, args=(n,)) for n in range(len(associations))]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    return statuses


def check_race(isthmus):
    """Two associations send one UID at once: same bytes are stored once, other bytes twice."""
    pair, open_before = [connect(isthmus), connect(isthmus)], len(listed(isthmus))
    for run in range(RUNS):
        uid = f"2.25.950.{run}"
        same, other = (ct(950 + run % 3, 1, uid, n)[1] for n in (1, 2))
        data = [same, same if run % 2 else other]
        assert send_at_once(pair, uid, data) == [0, 0], run
    count = isthmus.sql("select count(*) from isthmus.instance where sop_instance_uid like '2.25.950.%'")
    assert count == [[str(RUNS)]], count
    assert len(listed(isthmus)) - open_before == (RUNS + 1) // 2
    assert isthmus.sql("select sum(number_of_study_related_instances) from "
                       "isthmus.study join isthmus.study_count using (study_key) where "
                       "study_instance_uid in ('2.25.950', '2.25.951', '2.25.952')") == count
    files = len(list((isthmus.dir / "store/objects").rglob("*.dcm")))
    named = isthmus.sql("select (select count(*) from isthmus.instance) + (select count(*) from "
                        "isthmus.conflict)")
    assert named == [[str(files)]], (named, files)
    for a in pair:
        a.release()


def check_while_open(isthmus):
    """The sender gives up waiting and sends again while its first attempt still runs."""
    uid, data = ct(960, 1, "2.25.960.1", 1)
    slow, again = connect(isthmus), connect(isthmus)
    context = slow.accepted[dicom.CT_IMAGE, dicom.EXPLICIT]
    slow.send_pdv(context, 3, dicom.command({0x0002: dicom.CT_IMAGE, 0x0100: 1, 0x0110: 1, 0x0700: 0,
                                             0x1000: uid}, True))
    slow.send_pdv(context, 0, data[:4000])
    assert again.c_store(dicom.CT_IMAGE, uid, dicom.EXPLICIT, data)[0x0900] == 0
    slow.send_pdv(context, 2, data[4000:])
    assert slow.read_response()[0x0900] == 0
    lost = connect(isthmus)
    lost.send_pdv(context, 3, dicom.command({0x0002: dicom.CT_IMAGE, 0x0100: 1, 0x0110: 1, 0x0700: 0,
                                             0x1000: uid}, True))
    lost.send_pdv(context, 0, data[:4000])
    lost.close()
    assert again.c_store(dicom.CT_IMAGE, uid, dicom.EXPLICIT, data)[0x0900] == 0
    assert isthmus.sql("select count(*) from isthmus.instance where sop_instance_uid = '2.25.960.1'") \
        == [["1"]]
    assert isthmus.sql("select count(*) from isthmus.conflict where sop_instance_uid = '2.25.960.1'") \
        == [["0"]]


def check_replace_under_load(isthmus):
    """While a study is put again, more of it comes, and the newcomer and the first are sent again."""
    first, newcomer = ct(970, 1, "2.25.970.0", 0), ct(970, 1, "2.25.970.0", 1, name="New^Name")
    store(isthmus, first, *(ct(970, 1, f"2.25.970.{n}", n) for n in range(1, 40)), newcomer)
    done, errors = threading.Event(), []

    def send(own):
        try:
            n = 100
            while not done.is_set():
                store(isthmus, first, newcomer, ct(970, 1, f"2.25.970.{own}.{n}", n))
                n += 1
        except Exception as e:  # told by the main thread
            errors.append(e)

    threads = [threading.Thread(target=send, args=(own,)) for own in (1, 2)]
    for t in threads:
        t.start()
    for _ in range(5):
        isthmus.tool("conflicts", "replace", "2.25.970.0")
        assert listed(isthmus, "--all")[-1]["state"] == "replaced"
        assert [c for c in listed(isthmus) if c["study"] == "2.25.970"] == []
        isthmus.sql("update isthmus.conflict set settlement = null, settled_at = null "
                    "where sop_instance_uid = '2.25.970.0'")
    done.set()
    for t in threads:
        t.join()
    assert not errors, errors
    assert isthmus.sql("select number_of_study_related_instances = (select count(*) from "
                       "isthmus.instance where series_key in (select series_key from isthmus.series s "
                       "where s.study_key = t.study_key)) from isthmus.study t join isthmus.study_count using (study_key) "
                       "where study_instance_uid = '2.25.970'") == [["t"]]


with Isthmus() as isthmus:
    check_replace(isthmus)
    check_emptied(isthmus)
    check_whole_study(isthmus)
    check_keep(isthmus)
    check_show(isthmus)
    check_refused(isthmus)
    check_race(isthmus)
    check_while_open(isthmus)
    check_replace_under_load(isthmus)
    isthmus.tool("verify")
