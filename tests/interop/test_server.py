#!/usr/bin/env python3
"""Two FHIR servers that we did not write, HAPI FHIR's JPA server (Server.java) in R5 and in R4, as
two targets whose release nobody says.

etc/quickstart --fhir shows the sample study from either. The sample study and a collection of
files, if there is one, are published twice, by two senders to the first server, with kill -9 of
the publisher between, and with instances that come late. Then either server has each study once,
as `isthmus publish show` prints it, and finds it; it has no Patient, request or endpoint twice,
and every reference leads to something. What vanished from a study is deleted there.
"""
# timeout: 1800
# alone
import contextlib
import json
import os
import re
import subprocess
import time
import urllib.error
import urllib.parse
import urllib.request
from collections import Counter
from pathlib import Path

from judge import prepare
import dicom_raw as dicom
from corpus import CORPUS, entries, send
from harness import PROGRAMS, TOP, Isthmus, wait_until
from test_republish import reject, send_two

SAMPLE = "2.25.147763717617318706757137141068039716864"
BASED_ON = {"R5": "based-on", "R4": "basedon"}


class Server:
    def __init__(self, release):
        self.release, self.requests = release, 0
        self.process = subprocess.Popen([*prepare("Server"), release], text=True,
                                        stdout=subprocess.PIPE)

    def __enter__(self):
        for line in self.process.stdout:
            if line.startswith("url "):
                self.url = line.split()[1]
                return self
        raise AssertionError(f"the {self.release} server does not start")

    def __exit__(self, *_):
        self.process.kill()
        self.process.wait()

    def get(self, path):
        self.requests += 1
        slash = "" if path[0] == "?" else "/"
        request = urllib.request.Request(f"{self.url}{slash}{path}",
                                         headers={"Accept": "application/fhir+json",
                                                  "Cache-Control": "no-cache"})
        with urllib.request.urlopen(request, timeout=60) as answer:
            return json.load(answer)

    def all_of(self, path):
        """The resources of a search, of all its pages."""
        while path:
            page = self.get(path)
            yield from (entry["resource"] for entry in page.get("entry", []))
            following = [link["url"] for link in page["link"] if link["relation"] == "next"]
            path = following[0].removeprefix(self.url) if following else None

    def search(self, kind, **query):
        """Their ids."""
        query = urllib.parse.urlencode({**{k.replace("_", "-"): v for k, v in query.items()},
                                        "_elements": "id", "_count": "500"})
        return [resource["id"] for resource in self.all_of(f"{kind}?{query}")]

    def count(self, kind):
        return self.get(f"{kind}?_summary=count")["total"]


def references(node):
    """Every Reference.reference in a resource that is not to something contained."""
    if isinstance(node, list):
        return [r for item in node for r in references(item)]
    if not isinstance(node, dict):
        return []
    own = [node["reference"]] if isinstance(node.get("reference"), str) else []
    return [r for r in own if r[0] != "#"] + references(list(node.values()))


class Judge:
    """What a server has, against the Bundles that we say it was sent."""

    def __init__(self, server, bundles):
        self.server, self.bundles = server, bundles
        self.places, self.reached, self.counts = {}, set(), Counter()

    def place(self, entry):
        """Type/id of an entry's resource on the server: there is one."""
        kind, request = entry["resource"]["resourceType"], entry["request"]
        if request["method"] == "PUT":
            return request["url"]
        query = urllib.parse.parse_qs(request["ifNoneExist"])
        if (kind, str(query)) not in self.places:
            found = self.server.search(kind, identifier=query["identifier"][0])
            assert len(found) == 1, f"{len(found)} {kind} with one identifier"
            self.places[kind, str(query)] = f"{kind}/{found[0]}"
        return self.places[kind, str(query)]

    def reach(self, reference):
        if reference not in self.reached:
            assert self.server.get(reference)["resourceType"] == reference.split("/")[0]
            self.reached.add(reference)

    def same(self, entry, places):
        """The resource on the server is that of our own entry, but for what servers add."""
        text = json.dumps(entry["resource"])
        for name, place in places.items():
            text = text.replace(f'"{name}"', f'"{place}"')
        expected, there = json.loads(text), self.server.get(entry["request"]["url"])
        kept, wanted = there.pop("meta"), expected.pop("meta", {})
        tags = kept.get("tag", ())
        assert there == expected and set(wanted) <= {"tag"} and \
            all(any(tag.items() <= known.items() for known in tags) for tag in wanted.get("tag", ())), \
            f"{self.server.release}:\n{json.dumps(there)}\nshould be\n{json.dumps(expected)}"
        for reference in references(there):
            self.reach(reference)
        self.counts[there["resourceType"]] += 1
        return there

    def finds(self, study, uid):
        """By everything that it has to be found by."""
        queries = {"identifier": f"urn:dicom:uid|urn:oid:{uid}",
                   "patient": study["subject"].get("reference"), "started": study.get("started")}
        for coding in study.get("modality", [])[:1]:
            queries["modality"] = coding.get("coding", [coding])[0]["code"]
        for request in study.get("basedOn", [])[:1]:
            queries[BASED_ON[self.server.release]] = request.get("reference")
        for name, value in queries.items():
            if value and value[0] != "#":
                found = self.server.search("ImagingStudy", **{name: value})
                assert found.count(study["id"]) == 1, f"not found by {name}={value}"
                assert name != "identifier" or len(found) == 1
                self.counts[f"found by {name}"] += 1

    def bundle(self, uid, bundle):
        places = {entry["fullUrl"]: self.place(entry) for entry in bundle["entry"]}
        for entry in bundle["entry"]:
            if entry["request"]["method"] == "PUT":
                there = self.same(entry, places)
                if there["resourceType"] == "ImagingStudy":
                    self.finds(there, uid)

    def none_twice(self, kind):
        """Not two resources with the same identifiers; a patient whose images are now another's
        stays, as shared resources are never deleted."""
        all_of_them = list(self.server.all_of(f"{kind}?_count=500"))
        identities = Counter(json.dumps([[i.get("system"), i["value"]]
                                         for i in resource["identifier"]])
                             for resource in all_of_them)
        twice = [identity for identity, n in identities.items() if n > 1]
        assert not twice, f"{kind} with the same identifiers: {twice}"
        assert self.server.count(kind) == len(all_of_them), f"not all pages of {kind}"
        self.counts[kind] = len(all_of_them)

    def all(self):
        """What is wrong."""
        wrong = []
        for uid, bundle in self.bundles.items():
            try:
                self.bundle(uid, bundle)
            except (AssertionError, OSError) as e:
                wrong.append(f"{self.server.release} {uid}: {e}")
        for kind in ("Patient", "ServiceRequest"):
            try:
                self.none_twice(kind)
            except (AssertionError, OSError) as e:
                wrong.append(f"{self.server.release}: {e}")
        if self.server.count("ImagingStudy") != len(self.bundles):
            wrong.append(f"{self.server.release}: an ImagingStudy too many or too few")
        print(f"{self.server.release}: {dict(self.counts)}, "
              f"{len(self.reached)} references lead to something", flush=True)
        return wrong


def files():
    """(first, late): functions that send one file each; the last of every study is late."""
    studies = {}
    for entry in entries() if CORPUS else []:
        studies.setdefault(entry["study_instance_uid"], []).append(entry)
    return ([e for s in studies.values() for e in s[:-1] or s],
            [e for s in studies.values() for e in s[1:][-1:]])


def send_sample(isthmus, slices):
    for path in slices:
        meta, data = dicom.part10(path)
        association = dicom.Association(isthmus.address, isthmus.aet, [(meta[2], [meta[16]])])
        assert association.c_store(meta[2], meta[3], meta[16], data)[0x0900] == 0
        association.release()


def kill(isthmus):
    isthmus.kill(isthmus.pid("isthmus-fhir"))
    isthmus.start()


def wait_published(isthmus):
    wait_until(lambda: isthmus.sql("select count(*) from isthmus.outbox where parked_at is null")
               == [["0"]], timeout=300, what="the end of publishing")
    parked = isthmus.sql("select study_instance_uid, last_failure from isthmus.outbox "
                         "join isthmus.study using (study_key)")
    assert not [row for row in parked if re.fullmatch(r"[0-9.]{1,64}", row[0])], parked


def publish(isthmus, slices, collection):
    """Send, and kill the publisher at work: three times."""
    send_sample(isthmus, slices)
    for n, entry in enumerate(collection):
        send(isthmus, entry)
        if n % 100 == 50:
            kill(isthmus)
    kill(isthmus)
    wait_published(isthmus)


def again(isthmus):
    """Publish every study a second time, and kill the publisher while it does."""
    before = isthmus.sql("select max(published_at) from isthmus.published")
    for uid, in isthmus.sql("select study_instance_uid from isthmus.study"):
        isthmus.tool("publish", "replay", uid)
    wait_until(lambda: isthmus.sql("select max(published_at) from isthmus.published") != before, what="a start")
    kill(isthmus)
    wait_published(isthmus)


def quickstart(server, directory):
    """As in README; the release is what the server says."""
    command = [TOP / "etc/quickstart", "--no-install", "--dir", directory, "--port", "0"]
    try:
        said = subprocess.run([*command, "--detach", "--fhir", server.url], check=True, text=True,
                              stdout=subprocess.PIPE, env={**os.environ, "ISTHMUS_BIN": PROGRAMS})
        log = (directory / "log/isthmus-fhir.log").read_text()
    finally:
        subprocess.run([*command[:4], "--stop"], check=True)
    assert f"publishing {server.release} to {server.url}" in log, log
    for word in ("ImagingStudy", SAMPLE, "ACC-2026-00815", '"resourceType": "Patient"'):
        assert word in said.stdout, f"{word} is not shown:\n{said.stdout}"


def tried(isthmus, server):
    said = isthmus.tool("publish", "test", server.url).stdout
    assert f"as {server.release}\n" in said and "no errors" in said, said


def has(server, address):
    try:
        return server.get(address)["resourceType"] == address.split("/")[0]
    except urllib.error.HTTPError as e:
        assert e.code == 410, f"{address}: {e}"
        return False


def withdraw(isthmus, servers):
    """The first image of two is rejected, and with it goes the weight, but not the size."""
    send_two(isthmus, "2.25.800")
    wait_published(isthmus)
    show = json.loads(isthmus.tool("publish", "show", "2.25.800", "--release", "R5").stdout)
    there = {e["resource"]["code"]["coding"][0]["code"]: e["request"]["url"]
             for e in show["entry"] if e["resource"]["resourceType"] == "Observation"}
    assert all(has(server, there[code]) for server in servers for code in ("29463-7", "8302-2"))
    reject(isthmus, "2.25.800.1.1")
    for server in servers:
        assert not has(server, there["29463-7"]), f"{server.release}: the weight is still there"
        assert has(server, there["8302-2"]), f"{server.release}: the size is gone, too"


def shown(isthmus, target):
    """Every published study as `isthmus publish show` says that @target has it, by its UID."""
    bundles = {}
    for uid, in isthmus.sql("select distinct study_instance_uid from isthmus.published "
                            "join isthmus.study using (study_key)"):
        bundles[uid] = json.loads(isthmus.tool("publish", "show", uid, "--target", target.url,
                                               "--release", target.release).stdout)
    return bundles


with contextlib.ExitStack() as stack:
    servers = [Server(release) for release in ("R5", "R4")]
    for server in servers:
        stack.callback(server.process.kill)
    servers = [stack.enter_context(server) for server in servers]
    isthmus = stack.enter_context(Isthmus(fhir=[s.url for s in servers], release="auto"))
    isthmus.configure("fhir", patient_differs='"publish"', dicomweb_url='"http://127.0.0.1:9/web"',
                      publisher_system='"http://hospital.example/isthmus"')
    isthmus.configure("target", senders=2)
    isthmus.restart("isthmus-fhir")
    for server in servers:
        tried(isthmus, server)
        quickstart(server, isthmus.scratch / f"quickstart-{server.release}")
    subprocess.run([TOP / "etc/sample/make", isthmus.scratch / "sample"], check=True)
    slices = sorted(Path(isthmus.scratch / "sample").glob("*.dcm"))
    first, late = files()
    began = time.monotonic()
    publish(isthmus, slices[:-1], first)
    publish(isthmus, slices[-1:], late)
    again(isthmus)
    withdraw(isthmus, servers)
    print(f"published in {time.monotonic() - began:.1f} s", flush=True)
    wrong = [w for server in servers for w in Judge(server, shown(isthmus, server)).all()]
    assert not wrong, "\n".join(["", *wrong])
