"""What the small FHIR server keeps, and which answers it is told to give."""
import json
import re
import threading
import uuid
from urllib.parse import parse_qs, urlsplit

from fake_search import Searches


def split_unescaped(text, separator):
    """The parts of @text between separators that have no backslash before them."""
    parts = [""]
    for piece in re.findall(r"\\.|[^\\]|\\$", text, re.S):
        if piece == separator:
            parts.append("")
        else:
            parts[-1] += piece
    return parts


def token_of(text):
    """(system or None, value) of a search token, unescaped."""
    parts = [re.sub(r"\\([\\,$|])", r"\1", part) for part in split_unescaped(text, "|")]
    return (parts[0], "|".join(parts[1:])) if len(parts) > 1 else (None, parts[0])


def outcome(code, text):
    return {"resourceType": "OperationOutcome",
            "issue": [{"severity": "error", "code": code, "diagnostics": text}]}


class State:
    def __init__(self, release, record):
        self.release = release
        self.record = open(record, "a", encoding="utf-8") if record else None
        self.lock = threading.RLock()
        self.entered = threading.Condition(self.lock)
        self.resources = {}
        self.versions = {}
        self.requests = 0
        self.transactions = 0
        self.under_way, self.at_once, self.overlaps = [], 0, 0
        self.rules = []
        self.tokens = 0
        self.updated = {}
        self.older = {}  # versions of a resource that were replaced
        self.deleted = set()
        self.searches = Searches(self)

    def set_rule(self, rule):
        with self.lock:
            study = rule.get("study")
            self.release = rule.get("release", self.release)
            self.rules = [r for r in self.rules if study and r.get("study") != study]
            if rule.get("behaviour", "ok") != "ok":
                self.rules.append(rule)

    def rule_for(self, path, body):
        with self.lock:
            for rule in list(self.rules):
                where = rule.get("where", "data")
                if where != "all" and (where == "metadata") != path.endswith("/metadata"):
                    continue
                if rule.get("study") and f'urn:oid:{rule["study"]}"' not in body:
                    continue
                if rule.get("after", 0) > 0:
                    rule["after"] -= 1
                    continue
                if "times" in rule:
                    rule["times"] -= 1
                    if rule["times"] <= 0:
                        self.rules.remove(rule)
                return rule
        return None

    def enter(self, body):
        """The study of a Bundle, which is under way until leave()."""
        found = re.search(r'"urn:dicom:uid",\s*"value":\s*"urn:oid:([^"]*)"', body)
        study = found.group(1) if found else None
        with self.lock:
            self.overlaps += study is not None and study in self.under_way
            self.under_way.append(study)
            self.at_once = max(self.at_once, len(set(self.under_way) - {None}))
            self.entered.notify_all()
        return study

    def wait_for(self, together):
        """Until so many studies have been under way at once, or nobody waits for the answer any more."""
        with self.lock:
            self.entered.wait_for(lambda: self.at_once >= together, 120)

    def leave(self, study):
        with self.lock:
            self.under_way.remove(study)

    def note(self, entry):
        with self.lock:
            self.requests += 1
            if self.record:
                self.record.write(json.dumps(entry, ensure_ascii=False) + "\n")
                self.record.flush()

    def put(self, resource, id_):
        kind = resource["resourceType"]
        resource = dict(resource, id=id_)
        there = self.resources.setdefault(kind, {})
        status = "200 OK" if id_ in there else "201 Created"
        key = f"{kind}/{id_}"
        if id_ in there:
            self.older.setdefault(key, []).append(self.searches.entry("", key, "match")["resource"])
        there[id_] = resource
        self.versions[key] = self.versions.get(key, 0) + 1
        self.updated[key] = self.searches.stamp()
        self.deleted.discard(key)
        return status

    def read(self, kind, id_):
        """(status, body) of GET Type/id."""
        self.searches.is_forbidden(kind)
        if id_ in self.resources.get(kind, {}):
            return 200, self.searches.entry("", f"{kind}/{id_}", "match")["resource"]
        gone = f"{kind}/{id_}" in self.deleted and not self.searches.how.get("forgets")
        return 410 if gone else 404, outcome("deleted" if gone else "not-found", "no such resource")

    def delete(self, kind, url):
        there = self.resources.get(kind, {})
        for id_ in self.search(kind, url.query) if url.query else [url.path.split("/")[1]]:
            there.pop(id_, None)

    def search(self, kind, query):
        """Ids of resources whose identifier is one of "identifier=system|value,…", or whose tag is
        one of "_tag=system|code,…"."""
        wanted = parse_qs(query)
        key = "_tag" if "_tag" in wanted else "identifier"
        tokens = [token_of(text) for text in split_unescaped(wanted.get(key, [""])[0], ",")]

        def held(resource):
            if key == "_tag":
                return [(t["system"], t["code"]) for t in resource.get("meta", {}).get("tag", [])]
            return [(i.get("system"), i.get("value")) for i in resource.get("identifier", [])]

        return [
            id_
            for id_, r in self.resources.get(kind, {}).items()
            if any(value == v and system in (None, s) for s, v in held(r) for system, value in tokens)
        ]

    def transaction(self, bundle):
        """Process all entries or none; the answers, or an error (status, text)."""
        names, work = {}, []
        for entry in bundle.get("entry", []):
            request, resource = entry["request"], entry.get("resource")
            url = urlsplit(request["url"])
            kind = url.path.split("/")[0]
            if request["method"] == "DELETE":
                self.delete(kind, url)
                continue
            if request["method"] == "POST":
                found = self.search(kind, request.get("ifNoneExist", "")) \
                    if "ifNoneExist" in request else []
                if len(found) > 1:
                    return None, (412, "multiple-matches", "several match " + request["ifNoneExist"])
                id_ = found[0] if found else str(uuid.uuid4())
                work.append((None if found else resource, id_))
            elif url.query:
                found = self.search(kind, url.query)
                if len(found) > 1:
                    return None, (412, "multiple-matches", "several match " + url.query)
                id_ = found[0] if found else str(uuid.uuid4())
                work.append((resource, id_))
            else:
                id_ = url.path.split("/")[1]
                if resource.get("id") != id_:
                    return None, (400, "invalid", "the id of the resource is not that of the URL")
                work.append((resource, id_))
            names[entry["fullUrl"]] = f"{kind}/{id_}"
        answers = []
        for resource, id_ in work:
            if resource is None:
                answers.append({"response": {"status": "200 OK"}})
                continue
            text = json.dumps(resource)
            for name, real in names.items():
                text = text.replace(f'"{name}"', f'"{real}"')
            if "urn:uuid:" in text.replace('"system"', ""):
                left = re.search(r'"reference": "urn:uuid:[^"]*"', text)
                if left:
                    return None, (422, "not-found", "unresolved " + left.group(0))
            for kind, conditional in re.findall(r'"reference": "(\w+)\?([^"]*)"', text):
                found = self.search(kind, conditional)
                if len(found) != 1:
                    return None, (412, "not-found", f"{len(found)} match {kind}")
            for id_wanted in re.findall(r'"reference": "Endpoint/([^"]*)"', text):
                if id_wanted not in self.resources.get("Endpoint", {}):
                    return None, (400, "processing", f"Endpoint/{id_wanted} is not known")
            answers.append({"response": {"status": self.put(json.loads(text), id_)}})
        self.transactions += 1
        return answers, None
