#!/usr/bin/env python3
"""The whole index from the files alone: what reindex makes in an empty database is row by row what
the listener made, but for keys; stopped, it goes on; where rows are, it adds the missing ones."""
# timeout: 600
import json
import os
import re
import signal
import subprocess
from pathlib import Path

import dicom_raw as dicom
from corpus import CORPUS, entries, send
from harness import TOP, Isthmus, wait_until

PALETTE = "1.2.840.10008.5.1.4.39.1"

# Keys are replaced by what they stand for.
TABLES = {
    "patient": "select to_jsonb(p) - 'patient_key' from isthmus.patient p "
               "where exists (select from isthmus.study s where s.patient_key = p.patient_key)",
    "study": "select to_jsonb(s) - array['study_key', 'patient_key'] || jsonb_build_object('of', "
             "array[p.issuer_of_patient_id, p.patient_id, p.stray_study_uid]) "
             "from isthmus.study s join isthmus.patient p using (patient_key)",
    "series": "select to_jsonb(s) - array['series_key', 'study_key'] || "
              "jsonb_build_object('of', t.study_instance_uid) "
              "from isthmus.series s join isthmus.study t using (study_key)",
    "instance": "select to_jsonb(i) - array['instance_key', 'series_key'] || jsonb_build_object("
                "'of', t.study_instance_uid || ' ' || s.series_instance_uid) from isthmus.instance i "
                "left join isthmus.series s using (series_key) "
                "left join isthmus.study t on t.study_key = s.study_key",
    "conflict": "select to_jsonb(c) - 'conflict_key' from isthmus.conflict c",
    "reference": "select to_jsonb(r) - 'instance_key' || jsonb_build_object('from', "
                 "i.sop_instance_uid) from isthmus.reference r join isthmus.instance i "
                 "using (instance_key)",
    "study_request": "select to_jsonb(r) - 'study_key' || jsonb_build_object('of', "
                     "t.study_instance_uid) from isthmus.study_request r "
                     "join isthmus.study t using (study_key)",
    "order_match": "select to_jsonb(m) - 'study_key' || jsonb_build_object('of', "
                   "t.study_instance_uid) from isthmus.order_match m "
                   "join isthmus.study t using (study_key)",
}


def ask(isthmus, database, sql):
    """The lines of the answer, as the superuser."""
    socket = re.search(r'conninfo = "host=(\S+)', Path(isthmus.config).read_text())[1]
    done = subprocess.run(["psql", "-XAtq", "-v", "ON_ERROR_STOP=1", "-h", socket, "-U", "postgres",
                           "-d", database, "-c", sql], text=True, capture_output=True, check=False)
    assert done.returncode == 0, done.stderr
    return sorted(done.stdout.splitlines())


def rows(isthmus, database):
    return {table: ask(isthmus, database, sql) for table, sql in TABLES.items()}


def store(isthmus, *data_sets, sop_class=dicom.CT_IMAGE):
    a = dicom.Association(isthmus.address, isthmus.aet, [(sop_class, [dicom.EXPLICIT])],
                          calling="CT1")
    for uid, data in data_sets:
        assert a.c_store(sop_class, uid, dicom.EXPLICIT, data)[0x0900] == 0, uid
    a.release()


def fill(isthmus):
    """Studies that share patients, patients that differ, every kind of conflict, no patient."""
    def ct(study, n, series=1, instance=None, **text):
        uid = instance or f"2.25.{study}.{series}.{n}"
        return uid, dicom.ct(f"2.25.{study}", f"2.25.{study}.{series}", uid, n, **text)

    store(isthmus, *(ct(700 + n % 3, n, n % 2) for n in range(30)))
    store(isthmus, *(ct(710, n, name=f"Other^{n % 2}", id="") for n in range(4)))
    store(isthmus, ct(711, 1, id=""), ct(711, 2, id="A"), ct(711, 3, id="B"), ct(711, 4, accession=""))
    store(isthmus, ct(712, 1, accession=""), ct(712, 2, accession="LATE"),
          ct(712, 3, accession="OTHER"), ct(713, 1, name="Älter^Ünal"))
    first = "2.25.700.0.0"
    kinds = [ct(700, 0, 0), ct(700, 99, 0, first), ct(700, 0, 1, first), ct(799, 0, 0, first),
             ct(700, 0, 0, first, name="Other^Patient", id="X"), ct(700, 99, 0, first)]
    store(isthmus, *kinds)
    palette = dicom.element(0x00080016, "UI", PALETTE) + dicom.element(0x00080018, "UI", "2.25.9") + \
        dicom.element(0x00700080, "CS", "HOT_IRON")
    store(isthmus, ("2.25.9", palette), sop_class=PALETTE)
    for entry in entries() if CORPUS else []:
        send(isthmus, entry)


class Fresh:
    """An empty index beside the one that the listener filled."""

    def __init__(self, isthmus, name):
        self.isthmus, self.name = isthmus, name
        ask(isthmus, "postgres", f"create database {name} owner isthmus")
        text = Path(isthmus.config).read_text()
        assert "dbname=isthmus" in text
        self.config = isthmus.scratch / f"{name}.conf"
        self.config.write_text(text.replace("dbname=isthmus", f"dbname={name}"))
        self.tool("migrate", "--sql", TOP / "sql")

    def command(self, *arguments):
        return [f"{self.isthmus.programs}/isthmus", "--config", str(self.config),
                *map(str, arguments)]

    def tool(self, *arguments, check=True):
        done = subprocess.run(self.command(*arguments), text=True, capture_output=True, check=False,
                              env={**os.environ, "PGUSER": "isthmus"})
        assert not check or done.returncode == 0, done
        return done

    def instances(self):
        return int(ask(self.isthmus, self.name, "select count(*) from isthmus.instance")[0])


def check_whole(isthmus, before):
    fresh = Fresh(isthmus, "fresh")
    done = fresh.tool("reindex", "--json", check=False)
    result = json.loads(done.stdout)
    assert done.returncode == 0 and "\r" not in done.stderr, done
    assert result["indexed"] == len(before["instance"]), result
    assert result["conflicts"] == len(before["conflict"]) >= 4, result
    after = rows(isthmus, "fresh")
    for table in TABLES:
        odd = set(before[table]) ^ set(after[table])
        assert before[table] == after[table], (table, len(odd), sorted(odd)[:4])
        assert before[table] or table == "reference", table
    assert json.loads(fresh.tool("reindex", "--json").stdout)["files"] == 0
    fresh.tool("verify")


def check_stopped(isthmus, before):
    fresh = Fresh(isthmus, "stopped")
    running = subprocess.Popen(fresh.command("reindex", "--jobs", 3), stdout=subprocess.DEVNULL,
                               env={**os.environ, "PGUSER": "isthmus"})
    wait_until(lambda: fresh.instances() > 0 or running.poll() is not None, what="the first rows")
    running.send_signal(signal.SIGKILL)
    running.wait()
    wait_until(lambda: fresh.tool("reindex", check=False).returncode == 0, what="the lock is free")
    after = rows(isthmus, "stopped")
    assert after == before, "rows differ after it was stopped"


def check_missing(isthmus, before):
    """A row that went is made again, the others stay; a file that is no instance is refused."""
    isthmus.sql("delete from isthmus.conflict where reason = 'other bytes'")
    stray = isthmus.dir / "store/objects/19700101/0000/00000000000000aa.dcm"
    stray.parent.mkdir(parents=True)
    stray.write_bytes(b"x")
    stray.chmod(0o644)
    done = isthmus.owner_tool("reindex", "--json", check=False)
    result = json.loads(done.stdout)
    assert done.returncode == 1 and result["conflicts"] == result["files"] - 1 > 0, result
    assert [p["problem"] for p in result["problems"]] == ["not a DICOM file"], result
    assert rows(isthmus, "isthmus") == before
    stray.unlink()


with Isthmus() as isthmus:
    fill(isthmus)
    isthmus.kill(isthmus.pid("isthmus-scp"), signal.SIGTERM)
    before = rows(isthmus, "isthmus")
    check_whole(isthmus, before)
    check_stopped(isthmus, before)
    check_missing(isthmus, before)
