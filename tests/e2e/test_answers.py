#!/usr/bin/env python3
"""What an answer is taken for, row by row (those that pass are played by test_publish.py).

A study that is refused for good is parked and says why in the server's own words, to who asks and
in no log; the others go on; a replay of all that is parked heals them. A number of 200 is trusted
whatever comes with it. A server whose name is not known is waited for.
"""
import os
import signal
import tempfile
from pathlib import Path

from harness import Isthmus, wait_until
from publishing import Fake, Studies, arrives, parked

# status, code of the issue, what we say
LASTING = [
    (400, "invalid", "the server refuses the content"),
    (400, "transient", "the server refuses the content"),
    (404, "not-found", "the server does not know this address"),
    (410, "deleted", "the resource was deleted"),
    (412, "multiple-matches", "must be merged"),
    (412, "duplicate", "must be merged"),
    (418, "processing", "not supported"),
    (422, "exception", "the server refuses the content"),
    (501, "not-supported", "not supported"),
    (505, "not-supported", "not supported"),
    (413, "too-long", "too large"),
]


def words(row):
    return f"Unaussprechlich {row}"


def next_study(studies):
    return f"1.2.826.0.1.99.{studies.n + 1}"


def refused_for_good(fake, studies):
    isthmus, uids = studies.isthmus, []
    for row, (status, code, _) in enumerate(LASTING):
        issue = {"severity": "error", "code": code, "diagnostics": words(row)}
        fake.behave("status", status=status, study=next_study(studies),
                    outcome={"resourceType": "OperationOutcome", "issue": [issue]})
        uids.append(studies.send())
    for row, (uid, (status, code, reason)) in enumerate(zip(uids, LASTING)):
        wait_until(lambda: parked(isthmus, uid), what=f"the study parked by {status} {code}")
        why = isthmus.tool("publish", "why", uid).stdout
        assert f"HTTP {status}" in why and reason in why, why
        assert words(row) in why, why
    studies.send_and_wait(fake)
    assert "Unaussprechlich" not in isthmus.logs(), "the server's words are in a log"
    fake.behave()
    isthmus.tool("publish", "replay", "--parked")
    for uid in uids:
        arrives(fake, uid, "replayed")


def trusted(fake, studies):
    """Whatever stands in the answer."""
    isthmus = studies.isthmus
    rows = [("status", {"status": 200, "body": "<html>", "content_type": "text/html"}),
            ("status", {"status": 201}), ("status", {"status": 204}),
            ("huge", {"status": 200, "bytes": 100 << 20})]
    for behaviour, rule in rows:
        fake.behave(behaviour, study=next_study(studies), **rule)
        uid = studies.send()
        wait_until(lambda: isthmus.sql("select 1 from isthmus.published join isthmus.study using "
                                       f"(study_key) where study_instance_uid = '{uid}'"),
                   what=f"the end of {behaviour} {rule}")
        assert uid not in fake.studies()


def waited_for(fake, studies):
    isthmus = studies.isthmus
    why = "select paused_why from isthmus.target where paused_until > now()"
    fake.behave("status", status=401)
    uid = studies.send()
    wait_until(lambda: [r for r in isthmus.sql(why) if "HTTP 401" in r[0]], what="the pause by 401")
    assert not parked(isthmus, uid)
    fake.behave()
    arrives(fake, uid, "after 401")
    # longer than a name may be: no name server has to say so
    isthmus.configure('target "unknown"', url='"http://' + "x" * 64 + '.invalid/fhir"')
    os.kill(isthmus.pid("isthmus-fhir"), signal.SIGHUP)
    wait_until(lambda: [r for r in isthmus.sql(why) if "resolve" in r[0]], what="an unknown name")
    studies.send_and_wait(fake)


with tempfile.TemporaryDirectory(prefix="isthmus-answers.") as scratch:
    Path(scratch).chmod(0o755)
    server = Fake(scratch)
    try:
        with Isthmus(fhir=[server.url]) as one:
            one.configure("target", pause_max=1, retry_max=1)
            one.restart("isthmus-fhir")
            sender = Studies(one)
            for test in (refused_for_good, trusted, waited_for):
                print(test.__name__, flush=True)
                test(server, sender)
    finally:
        server.stop()
