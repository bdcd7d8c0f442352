#!/usr/bin/env python3
"""Two publishers on one database share the work, and no study is on its way twice at once: also
while images come late. When one of the two is killed, nothing is lost."""
import os
import subprocess
import tempfile
from pathlib import Path

from harness import LIMIT_S, Isthmus, children, wait_until
from publishing import Fake, Studies

STUDIES = 12


def start_second(isthmus):
    with open(isthmus.dir / "log/second.log", "w", encoding="utf-8") as log:
        return subprocess.Popen([f"{isthmus.programs}/isthmus-fhir", "--config", isthmus.config],
                                env={**os.environ, "PGUSER": "isthmus-fhir"}, stderr=log)


def settled(isthmus):
    wait_until(lambda: isthmus.sql("select count(*) from isthmus.outbox") == [["0"]],
               what="an empty outbox")


def share(isthmus, fake):
    studies = Studies(isthmus)
    uids = [studies.send() for _ in range(STUDIES)]
    for uid in uids:
        studies.send(uid, 2)
    settled(isthmus)
    state = fake.state()
    assert state["at_once"] == 2, f"{state['at_once']} studies were under way at once"
    assert state["overlaps"] == 0, f"{state['overlaps']} times a study was sent twice at once"
    for uid in uids:
        studies.send(uid, 3)
    isthmus.kill(wait_until(lambda: children(isthmus.pid("isthmus-fhir")), what="a sender")[0])
    settled(isthmus)
    assert {uid: s["numberOfInstances"] for uid, s in fake.studies().items()} == \
        dict.fromkeys(uids, 3)


with tempfile.TemporaryDirectory(prefix="isthmus-publishers.") as scratch:
    Path(scratch).chmod(0o755)
    server = Fake(scratch)
    try:
        with Isthmus(fhir=[server.url]) as first:
            server.behave("slow", seconds=0.3, together=2)
            second = start_second(first)
            try:
                wait_until(lambda: first.logs().count("publishing R5 to") == 2, what="two publishers")
                share(first, server)
                assert second.poll() is None
            finally:
                second.terminate()
                assert second.wait(timeout=LIMIT_S) == 0
    finally:
        server.stop()
