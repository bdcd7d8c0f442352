#!/usr/bin/env python3
"""The files about status and rejection of a collection give the same index and the same FHIR
resources, R5 and R4, whatever comes first.
"""
import random
import tempfile
from pathlib import Path

from corpus import CORPUS, entries, send
from harness import Isthmus, skip, wait_until

NAMES = ("full_s1_", "kos_11", "status_")
ORDERS = 12
TABLES = ("rejection", "reference", "conflict", "instance", "series", "study_request", "published",
          "outbox", "study", "patient")
INDEX = """select string_agg(sop_instance_uid || ' ' || rejected || ' '
               || coalesce(sop_instance_status, ''), ', ' order by sop_instance_uid)
           from isthmus.instance
           union all select string_agg(study_instance_uid || ' ' || rejected_instances || ' '
               || authorized_instances || ' ' || number_of_study_related_instances, ', '
               order by study_instance_uid) from isthmus.study join isthmus.study_count using (study_key)
           union all select string_agg(series_instance_uid || ' ' || rejected_instances || ' '
               || authorized_instances, ', ' order by series_instance_uid) from isthmus.series
           union all select coalesce(string_agg(flag || ' ' || sop_instance_uid, ', '
               order by flag, sop_instance_uid, other_uid), 'no flags') from isthmus.status_flag"""


def empty(isthmus, targets):
    isthmus.sql("truncate " + ", ".join(f"isthmus.{t}" for t in TABLES) + " cascade")
    for target in targets:
        for path in target.glob("*.json"):
            path.unlink()


def published(targets):
    return {f"{p.parent.name}/{p.name}": p.read_text() for t in targets for p in t.glob("*.json")}


if not CORPUS:
    skip("ISTHMUS_CORPUS names no collection")
files = [e for e in entries() if Path(e["file"]).name.startswith(NAMES)]
assert len(files) >= 6, files
with tempfile.TemporaryDirectory() as scratch:
    targets = [Path(scratch) / release for release in ("R5", "R4")]
    Path(scratch).chmod(0o755)
    with Isthmus(fhir=targets) as isthmus:
        isthmus.configure("fhir", extension_base='"http://hospital.example/fhir"')
        isthmus.publish_r4_to_the_last()
        isthmus.restart("isthmus-fhir")
        orders, seen = random.Random(1), []
        for n in range(ORDERS):
            empty(isthmus, targets)
            for entry in files:
                assert send(isthmus, entry)[0] == 0, entry["file"]
            wait_until(lambda: isthmus.sql("select count(*) from isthmus.outbox") == [["0"]],
                       what="the end of publishing")
            seen.append((isthmus.sql(INDEX), published(targets)))
            assert seen[n] == seen[0], f"order {n}: {[e['file'] for e in files]}"
            orders.shuffle(files)
        print(f"{len(files)} files, {ORDERS} orders: {len(seen[0][1])} resources, {seen[0][0]}")
