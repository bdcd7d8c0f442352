#!/usr/bin/env python3
"""The publisher against a FHIR server that plays every answer there is.

Whatever the server does, every study ends there exactly once; a study that it refuses is parked
with the server's words and holds up no other; no word of the server reaches a log.
"""
import base64
import json
import os
import signal
import subprocess
import tempfile
import time
import urllib.parse
from pathlib import Path

from harness import LIMIT_S, Isthmus, children, replace_file, wait_until
from publishing import REFUSAL, WORDS, Fake, Studies, arrives, parked


def test_too_slow(fake, studies):
    """Only here: an answer that was slow by chance would be taken for none."""
    isthmus = studies.isthmus
    isthmus.configure("target", timeout=2)
    isthmus.restart("isthmus-fhir")
    fake.behave("slow", seconds=3, times=1)
    arrives(fake, studies.send(), "a slow answer")
    wait_until(lambda: isthmus.sql("select count(*) from isthmus.outbox") == [["0"]], what="its settlement")
    isthmus.configure("target", timeout=LIMIT_S)
    isthmus.restart("isthmus-fhir")


def test_temporary(fake, studies):
    """Each answer that may pass: the study is there in the end."""
    rules = [
        ("down", {"times": 2}), ("half", {"times": 1}),
        ("huge", {"status": 500, "bytes": 24 << 20, "times": 1}),
        *(("status", {"status": status, "times": 2})
          for status in (408, 409, 412, 425, 429, 500, 502, 503, 504)),
        ("status", {"status": 503, "retry_after": "1", "times": 1}),
        ("status", {"status": 404, "times": 1, "outcome": {
            "resourceType": "OperationOutcome",
            "issue": [{"severity": "error", "code": "lock-error"}]}}),
        ("batch", {"status": "503 Service Unavailable", "times": 1}),
    ]
    for behaviour, rule in rules:
        fake.behave(behaviour, **rule)
        arrives(fake, studies.send(), f"{behaviour} {rule}")


def test_waits_as_asked(fake, studies):
    fake.behave("status", status=429, retry_after="2", times=1)
    uid = studies.send()
    arrives(fake, uid, "429 with Retry-After")
    wait_until(lambda: studies.isthmus.sql("select paused_until is null from isthmus.target") == [["t"]],
               what="the end of the pause")


def test_away_for_long(fake, studies):
    """Many studies come while the server is away; none is blamed."""
    fake.behave("down")
    uids = [studies.send() for _ in range(5)]
    wait_until(lambda: studies.isthmus.sql("select 1 from isthmus.target where paused_until > now()"),
               what="the pause of the target")
    assert studies.isthmus.sql("select 1 from isthmus.outbox where parked_at is not null") == []
    fake.behave()
    for uid in uids:
        arrives(fake, uid, "after the server was away")


def test_refused(fake, studies):
    """One study is refused, the others go through."""
    isthmus = studies.isthmus
    uid = f"1.2.826.0.1.99.{studies.n + 1}"
    fake.behave("status", status=422, outcome=REFUSAL, study=uid)
    assert studies.send() == uid
    arrives(fake, studies.send(), "behind one that is refused")
    why = wait_until(lambda: parked(isthmus, uid), what="the parked study")
    assert WORDS in why[0][0], why
    assert WORDS in isthmus.tool("publish", "why", uid).stdout
    assert "Unaussprechlich" not in isthmus.logs(), "the server's words are in a log"
    fake.behave("ok", study=uid)
    isthmus.tool("publish", "replay", uid)
    arrives(fake, uid, "replayed")
    for rule in ({"behaviour": "batch", "status": "422", "outcome": REFUSAL},
                 {"behaviour": "status", "status": 404}):
        uid = f"1.2.826.0.1.99.{studies.n + 1}"
        fake.behave(study=uid, **rule)
        studies.send()
        wait_until(lambda: parked(isthmus, uid), what=f"the study parked by {rule}")
        fake.behave("ok", study=uid)


def test_too_large(fake, studies):
    fake.behave("status", status=413, times=1)
    uid = studies.send()
    study = arrives(fake, uid, "413")
    assert "series" in study and "instance" not in study["series"][0], study
    studies.send(uid, 2)
    study = wait_until(lambda: (s := fake.studies()[uid])["numberOfInstances"] == 2 and s,
                       what="the second instance")
    assert "instance" not in study["series"][0], "the form was not remembered"
    fake.behave("status", status=413, times=2)
    study = arrives(fake, studies.send(), "413 twice")
    assert "series" not in study and study["numberOfSeries"] == 1, study


def test_not_followed(fake, studies, other):
    """A redirect and a refusal of who we are make the target rest, with the reason shown."""
    for rule, word in (({"status": 307, "location": other.url}, "redirects"),
                       ({"status": 403}, "HTTP 403"), ({"status": 405}, "identity = search")):
        fake.behave("status", **rule)
        uid = studies.send()
        wait_until(lambda: [r for r in studies.isthmus.sql("select paused_why from isthmus.target")
                            if word in r[0]], what=f"the pause for {rule}")
        assert not parked(studies.isthmus, uid)
        fake.behave()
        arrives(fake, uid, f"after {rule}")
    assert other.state()["requests"] == 0, "a redirect was followed"


def test_updates(fake, studies):
    """A late instance updates the study; --show prints what was sent."""
    uid = studies.send()
    before = arrives(fake, uid, "first")
    studies.send(uid, 2)
    after = wait_until(lambda: (s := fake.studies()[uid])["numberOfInstances"] == 2 and s,
                       what="the late instance")
    assert before["id"] == after["id"]
    shown = subprocess.run([f"{studies.isthmus.programs}/isthmus-fhir", "--config",
                            studies.isthmus.config, "--show", uid],
                           check=True, capture_output=True, text=True)
    shown = [e["resource"] for e in json.loads(shown.stdout)["entry"]
             if e["resource"]["resourceType"] == "ImagingStudy"][0]
    assert shown["series"] == after["series"], (shown, after)


def test_strangers(fake, studies):
    """A Patient ID that reads like a search for two finds neither of them."""
    subjects = set()
    for patient, accession in (("A", "ACC"), ("456", "7"), ("A,456", "ACC,7"), ("A|456", "ACC|7"),
                               ("A$456", "ACC$7")):
        uid = studies.send(id=patient, accession=accession)
        study = arrives(fake, uid, "of a stranger")
        kind, id_ = study["subject"]["reference"].split("/")
        assert fake.state()["resources"][kind][id_]["identifier"][0]["value"] == patient, study
        subjects.add((id_, study["basedOn"][0]["reference"]))
    assert len({s for s, _ in subjects}) == len({r for _, r in subjects}) == 5, subjects


def test_killed(fake, studies):
    """kill -9 while a request is under way: another sender begins again."""
    fake.behave("slow", seconds=1, times=3)
    uids = [studies.send() for _ in range(3)]
    wait_until(lambda: studies.isthmus.sql("select 1 from pg_locks where locktype = 'advisory'"),
               what="a claim")
    for pid in children(studies.isthmus.pid("isthmus-fhir")):
        studies.isthmus.kill(pid)
    for uid in uids:
        arrives(fake, uid, "after kill -9")


def test_endpoint(fake, studies):
    """The Endpoint is written at the start, and again when the server has lost it."""
    assert len(fake.state()["resources"]["Endpoint"]) == 1
    uid = studies.send_and_wait(fake)
    assert "endpoint" in fake.studies()[uid]
    fake.ask("/control/forget", {"type": "Endpoint"})
    studies.send_and_wait(fake)
    assert len(fake.state()["resources"]["Endpoint"]) == 1


def test_token(fake, isthmus, token):
    """The bearer token goes with each request; a new one in the file counts at once."""
    studies = Studies(isthmus)
    studies.n = 1000
    studies.send_and_wait(fake)
    assert fake.requests()[-1]["headers"]["Authorization"] == "Bearer first"
    replace_file(token, "second\n")
    studies.send_and_wait(fake)
    assert fake.requests()[-1]["headers"]["Authorization"] == "Bearer second"
    assert "first" not in isthmus.logs()


def test_search_identity(fake, isthmus):
    """An R4 server that gives the ids itself: found out by its metadata, found by identifier."""
    studies = Studies(isthmus)
    studies.n = 3000
    uid = studies.send_and_wait(fake)
    studies.send(uid, 2)
    study = wait_until(lambda: (s := fake.studies()[uid])["numberOfInstances"] == 2 and s,
                       what="the second instance")
    assert study["modality"][0]["code"] == "CT", "that is not R4"
    resources = fake.state()["resources"]
    assert len(resources["Endpoint"]) == 1, resources["Endpoint"]
    for kind in ("Patient", "ServiceRequest"):
        values = [r["identifier"][0]["value"] for r in resources[kind].values()]
        assert len(values) == len(set(values)) == 6, (kind, values)  # of test_strangers and one
    subject = resources["Patient"][study["subject"]["reference"].removeprefix("Patient/")]
    assert subject["identifier"][0]["value"] == "LOAD-1", study


def test_smart(fake, isthmus):
    """SMART Backend Services: a token for a signed assertion, a new one after 401."""
    studies = Studies(isthmus)
    studies.n = 2000
    studies.send_and_wait(fake)
    requests = fake.requests()
    form = urllib.parse.parse_qs([r for r in requests if r["path"] == "/token"][-1]["body"])
    assert form["grant_type"] == ["client_credentials"] and form["scope"], form
    head, claims, _ = (json.loads(base64.urlsafe_b64decode(part + "==")) if i < 2 else None
                       for i, part in enumerate(form["client_assertion"][0].split(".")))
    assert (head["alg"], head["kid"]) == ("ES384", "key-1"), head
    assert claims["iss"] == claims["sub"] == "isthmus", claims
    assert claims["aud"] == fake.origin + "/token" and 0 < claims["exp"] - time.time() < 300, claims
    assert requests[-1]["headers"]["Authorization"] == "Bearer token-1"
    fake.behave("status", status=401, times=1)
    studies.send_and_wait(fake)
    assert fake.requests()[-1]["headers"]["Authorization"] == "Bearer token-2"
    assert "token-1" not in isthmus.logs()


def make_certificates(directory):
    """An authority, and certificates for the server and for us."""
    def openssl(*arguments):
        subprocess.run(["openssl", *arguments], check=True, cwd=directory, capture_output=True)

    key = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes")
    openssl("req", "-x509", *key, "-keyout", "ca.key", "-out", "ca.pem", "-subj", "/CN=authority")
    for name in ("server", "client"):
        openssl("req", *key, "-keyout", f"{name}.key", "-out", f"{name}.csr", "-subj", f"/CN={name}",
                "-addext", "subjectAltName=IP:127.0.0.1")
        openssl("x509", "-req", "-in", f"{name}.csr", "-CA", "ca.pem", "-CAkey", "ca.key",
                "-CAcreateserial", "-copy_extensions", "copy", "-out", f"{name}.pem")
    for path in Path(directory).glob("*.*"):
        path.chmod(0o644)


def test_tls(secure, isthmus):
    """Without the authority the server is not trusted; without a certificate we are not."""
    why = "select paused_why from isthmus.target where name = 'tls' and paused_until > now()"
    target = f'target "tls" {{\n    url = "{secure.url}"\n    quiet_period = 0\n    pause_max = 1\n'
    conf, before = isthmus.dir / "isthmus.conf", (isthmus.dir / "isthmus.conf").read_text()
    steps = ["", f'    ca_file = "{secure.directory}/ca.pem"\n',
             f'    client_certificate = "{secure.directory}/client.pem"\n'
             f'    client_key = "{secure.directory}/client.key"\n']
    for i, line in enumerate(steps):
        target += line
        replace_file(conf, before + target + "}\n")
        os.kill(isthmus.pid("isthmus-fhir"), signal.SIGHUP)
        if i < 2:
            wait_until(lambda: isthmus.sql(why), what="the pause of the target")
            wait_until(lambda: "again: 3 targets" in isthmus.logs(), what="the configuration")
            assert not secure.record.exists() or not secure.requests()
    wait_until(lambda: isthmus.sql("select 1 from isthmus.published join isthmus.target using "
                                   "(target_key) where name = 'tls'"), what="a study over TLS")


def publishes_everything(fake, isthmus, target):
    """The server has every study of the index that is not parked for it."""
    wait_until(lambda: isthmus.sql("select count(*) from isthmus.outbox where parked_at is null")
               == [["0"]], what="an empty outbox")
    wanted = {uid for uid, in isthmus.sql(
        "select study_instance_uid from isthmus.study s where not exists (select from "
        "isthmus.outbox o join isthmus.target t using (target_key) "
        f"where o.study_key = s.study_key and t.name = '{target}')")}
    assert wanted == set(fake.studies()), wanted ^ set(fake.studies())


def main():
    with tempfile.TemporaryDirectory(prefix="isthmus-publish.") as directory:
        for name in ("one", "other", "search", "tls"):
            (Path(directory) / name).mkdir()
        Path(directory).chmod(0o755)
        fake, other = Fake(f"{directory}/one"), Fake(f"{directory}/other")
        search = Fake(f"{directory}/search", "--release", "R4")
        make_certificates(f"{directory}/tls")
        secure = Fake(f"{directory}/tls", "--tls", "server.pem", "server.key", "ca.pem")
        token = Path(directory) / "token"
        token.write_text("first\n")
        token.chmod(0o644)
        try:
            with Isthmus(fhir=[fake.url]) as isthmus:
                isthmus.configure("fhir", publisher_system='"http://hospital.example/isthmus"',
                                  dicomweb_url='"https://pacs.hospital.example/dicomweb"')
                isthmus.configure("target", pause_max=1, retry_max=1)
                isthmus.configure("log", level='"debug"')
                isthmus.restart("isthmus-fhir")
                studies = Studies(isthmus)
                studies.send_and_wait(fake)
                for test in (test_too_slow, test_temporary, test_waits_as_asked, test_away_for_long, test_refused,
                             test_too_large, test_updates, test_strangers,
                             test_killed, test_endpoint):
                    print(test.__name__, flush=True)
                    test(fake, studies)
                    fake.behave()
                print("test_not_followed", flush=True)
                test_not_followed(fake, studies, other)
                print("test_token", flush=True)
                isthmus.configure("target", authentication='"bearer"', token_file=f'"{token}"',
                                  compress="true", accept_version="true")
                isthmus.restart("isthmus-fhir")
                test_token(fake, isthmus, token)
                last = fake.requests()[-1]["headers"]
                assert last["Content-Encoding"] == "gzip", last
                assert "fhirVersion=5.0" in last["Content-Type"], last
                print("test_smart", flush=True)
                key = Path(directory) / "key.pem"
                subprocess.run(["openssl", "genpkey", "-quiet", "-algorithm", "EC", "-pkeyopt",
                                "ec_paramgen_curve:P-384", "-out", str(key)], check=True)
                key.chmod(0o644)
                text = (isthmus.dir / "isthmus.conf").read_text()
                replace_file(isthmus.dir / "isthmus.conf", text.replace('"bearer"', '"smart"'))
                isthmus.configure("target", smart_client_id='"isthmus"', smart_key_id='"key-1"',
                                  smart_key_file=f'"{key}"')
                isthmus.restart("isthmus-fhir")
                test_smart(fake, isthmus)
                publishes_everything(fake, isthmus, fake.url)
                print("test_search_identity", flush=True)
                isthmus.configure('target "search"', url=f'"{search.url}"', identity="search", quiet_period=0)
                os.kill(isthmus.pid("isthmus-fhir"), signal.SIGHUP)
                test_search_identity(search, isthmus)
                publishes_everything(search, isthmus, "search")
                print("test_tls", flush=True)
                test_tls(secure, isthmus)
        finally:
            fake.stop()
            other.stop()
            search.stop()
            secure.stop()


if __name__ == "__main__":
    main()
