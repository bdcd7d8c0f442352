#!/usr/bin/env python3
"""A small FHIR server with a script, for tests (Python 3 standard library only).

  fake_fhir.py [--release R5|R4] [--port-file FILE] [--record FILE] [--port N]
               [--tls CERTIFICATE KEY CLIENT-CA]

With --tls it speaks TLS and wants a client certificate. It listens on 127.0.0.1 and a free port, prints "port N" and writes N to the port file. It takes
transactions, PUT Type/id, conditional PUT and GET of resources, keeps resources by id, and
answers GET metadata and POST Bundle/$validate. POST /token gives access tokens "token-1", "token-2" …, which
.well-known/smart-configuration names. Every request is appended to the record file as one line of JSON
{"method", "path", "headers", "body", "status"}.

The script, at run time:
  POST /control        {"behaviour": NAME, …}: how the requests that follow are answered;
                       "release": "R4" makes it another server from then on
  GET  /control/state  {"requests": n, "resources": {"Type": {id: resource}}, "versions": {…},
                        "transactions": n, "at_once": how many studies at most were under way,
                        "overlaps": how often one was that already was}
  POST /control/forget {"type": "Endpoint"}: those resources are gone
  POST /control/put    [resource, …]: as if somebody else had written them
  POST /control/delete ["Type/id", …]
  POST /control/search {"count": 7, …}: how searches are answered (fake_search.py)
  POST /control/quit

Behaviours: ok; down (the connection is closed without an answer); status (with "status": 503,
and optionally "retry_after": text, "outcome": OperationOutcome, "body": text, "content_type",
"location", "after": how many are answered before, "times": how often before ok, "study": only for a Bundle with this Study Instance
UID); slow ("seconds"); huge ("bytes" of answer); half (the answer breaks off); batch (200 whose
entries carry "status"). "where": "metadata" restricts one to GET metadata, "data" (default) to
all but that, "all" to neither. Several may be set one after the other for different studies.
"""
import argparse
import gzip
import json
import os
import re
import ssl
import sys
import threading
import time
import uuid
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, unquote, urlsplit

from fake_search import Refusal, Searches


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


class Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 64

    def handle_error(self, request, client_address):
        pass  # a client that hangs up is no failure of a test


VALIDATE = "http://hl7.org/fhir/OperationDefinition/Resource-validate"


class State:
    def __init__(self, release, record):
        self.release = release
        self.record = open(record, "a", encoding="utf-8") if record else None
        self.lock = threading.RLock()
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
        return study

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


def outcome(code, text):
    return {"resourceType": "OperationOutcome",
            "issue": [{"severity": "error", "code": code, "diagnostics": text}]}


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    wbufsize = -1  # head and body in one segment: no wait for a delayed ACK

    def log_message(self, format, *args):
        pass

    def read_body(self):
        raw = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        if self.headers.get("Content-Encoding") == "gzip":
            raw = gzip.decompress(raw)
        return raw.decode("utf-8")

    def answer(self, status, body=b"", content_type="application/fhir+json", headers=()):
        if isinstance(body, (dict, list)):
            body = json.dumps(body).encode()
        self.status = status
        self.finished()
        self.send_response(status)
        self.send_header("Content-Type", content_type)
        self.send_header("Content-Length", str(len(body)))
        for name, value in headers:
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def finished(self):
        """Before anybody can see what the request did: then it is noted, and no longer under way."""
        if self.under_way:
            study, body = self.under_way
            self.under_way = None
            self.server.state.leave(study)
            self.server.state.note({"method": self.command, "path": self.path, "body": body,
                                    "headers": dict(self.headers), "status": self.status})

    def handle_request(self):
        state, self.status, self.under_way = self.server.state, 0, None
        body = self.read_body()
        if self.path.startswith("/control"):
            return self.control(body)
        rule = state.rule_for(urlsplit(self.path).path, body)
        self.under_way = state.enter(body), body
        try:
            if not (rule and self.misbehave(rule)):
                self.behave(body)
        except Refusal as refusal:
            self.answer(refusal.status, outcome(refusal.code, refusal.text))
        finally:
            self.finished()

    do_GET = do_PUT = do_POST = do_DELETE = handle_request

    def control(self, body):
        state = self.server.state
        if self.path == "/control/state":
            with state.lock:
                return self.answer(200, {"requests": state.requests, "resources": state.resources,
                                         "versions": state.versions,
                                         "transactions": state.transactions,
                                         "at_once": state.at_once, "overlaps": state.overlaps})
        if self.path == "/control/forget":
            with state.lock:
                state.resources.pop(json.loads(body)["type"], None)
            return self.answer(200, {})
        if self.path == "/control/put":
            with state.lock:
                for resource in json.loads(body):
                    state.put(resource, resource["id"])
            return self.answer(200, {})
        if self.path == "/control/delete":
            with state.lock:
                for name in json.loads(body):
                    state.resources[name.split("/")[0]].pop(name.split("/")[1])
                    state.deleted.add(name)
            return self.answer(200, {})
        if self.path == "/control/search":
            state.searches.how = {"count": 100, **json.loads(body)}
            return self.answer(200, {})
        if self.path == "/control/quit":
            self.answer(200, {})
            threading.Thread(target=self.server.shutdown).start()
            return None
        state.set_rule(json.loads(body))
        return self.answer(200, {})

    def misbehave(self, rule):
        """Play @rule; whether the request is answered with that."""
        behaviour = rule["behaviour"]
        if behaviour == "down":
            self.close_connection = True
            self.connection.close()
        elif behaviour == "slow":
            time.sleep(rule["seconds"])
            return False
        elif behaviour == "huge":
            self.answer(rule.get("status", 200), b"x" * rule["bytes"])
        elif behaviour == "half":
            self.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n{\"resourceType\":")
            self.close_connection = True
        elif behaviour == "batch":
            self.answer(200, {"resourceType": "Bundle", "type": "transaction-response", "entry": [
                {"response": {"status": rule["status"], "outcome": rule.get("outcome")}}]})
        else:
            headers = [(name, str(rule[key])) for key, name in
                       (("retry_after", "Retry-After"), ("location", "Location")) if key in rule]
            answer = rule.get("outcome") or rule.get("body", "").encode()
            self.answer(rule["status"], answer, rule.get("content_type", "application/fhir+json"),
                        headers)
        return True

    def search(self, kind, query):
        searches = self.server.state.searches
        bundle = searches.page(f"http://{self.headers['Host']}/fhir", kind, query)
        etag = searches.etag(bundle)
        if etag and self.headers.get("If-None-Match") == etag:
            return self.answer(304, headers=[("ETag", etag)])
        return self.answer(200, bundle, headers=[("ETag", etag)] if etag else [])

    def date_time_string(self, timestamp=None):
        return super().date_time_string(self.server.state.searches.clock())

    def behave(self, body):
        state, url = self.server.state, urlsplit(self.path)
        parts = [unquote(p) for p in url.path.strip("/").split("/")]
        parts = parts[1:] if parts[:1] == ["fhir"] else parts
        with state.lock:
            if parts == ["metadata"]:
                return self.answer(200, self.metadata())
            if parts == [".well-known", "smart-configuration"]:
                return self.answer(200, {"token_endpoint": f"http://{self.headers['Host']}/token"})
            if parts == ["token"]:
                state.tokens += 1
                return self.answer(200, {"access_token": f"token-{state.tokens}",
                                         "token_type": "bearer", "expires_in": 300})
            if self.command == "POST" and parts in ([], [""]):
                answers, error = state.transaction(json.loads(body))
                if error:
                    return self.answer(error[0], outcome(error[1], error[2]))
                return self.answer(200, {"resourceType": "Bundle", "type": "transaction-response",
                                         "entry": answers})
            if self.command == "POST" and parts == ["Bundle", "$validate"]:
                kinds = [e["resource"]["resourceType"] for e in json.loads(body)["entry"]]
                if "ImagingStudy" not in kinds:
                    return self.answer(200, outcome("required", "no ImagingStudy"))
                return self.answer(200, {"resourceType": "OperationOutcome", "issue": [
                    {"severity": "warning", "code": "informational"}]})
            if self.command == "PUT" and len(parts) == 2:
                status = state.put(json.loads(body), parts[1])
                return self.answer(int(status[:3]), {})
            if self.command == "PUT" and len(parts) == 1:
                found = state.search(parts[0], url.query)
                state.put(json.loads(body), found[0] if found else str(uuid.uuid4()))
                return self.answer(200, {})
            if self.command == "GET" and len(parts) == 2:
                return self.answer(*state.read(*parts))
            if self.command == "GET" and len(parts) <= 1:
                return self.search(parts[0] if parts else "", url.query)
        return self.answer(404, outcome("not-found", "no such address"))

    def metadata(self):
        version = {"R5": "5.0.0", "R4": "4.0.1"}[self.server.state.release]
        return {"resourceType": "CapabilityStatement", "status": "active", "fhirVersion": version,
                "rest": [{"mode": "server", "interaction": [{"code": "transaction"}],
                          "resource": [{"type": "Bundle", "operation": [{
                                            "name": "validate", "definition": VALIDATE}]},
                                       {"type": "ImagingStudy", "updateCreate": True,
                                        "conditionalUpdate": True},
                                       {"type": "Observation", "conditionalDelete": "single",
                                        "interaction": [{"code": "update"}, {"code": "delete"}]},
                                       {"type": "Patient", "conditionalCreate": True}]}]}


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--release", default="R5", choices=["R5", "R4"])
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--port-file")
    parser.add_argument("--record")
    parser.add_argument("--tls", nargs=3)
    arguments = parser.parse_args()
    server = Server(("127.0.0.1", arguments.port), Handler)
    server.state = State(arguments.release, arguments.record)
    if arguments.tls:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(*arguments.tls[:2])
        context.load_verify_locations(arguments.tls[2])
        context.verify_mode = ssl.CERT_REQUIRED
        server.socket = context.wrap_socket(server.socket, server_side=True,
                                            do_handshake_on_connect=False)
    port = server.server_address[1]
    print("port", port, flush=True)
    if arguments.port_file:
        with open(arguments.port_file + ".new", "w", encoding="ascii") as f:
            f.write(f"{port}\n")
        os.replace(arguments.port_file + ".new", arguments.port_file)
    try:
        server.serve_forever(poll_interval=0.05)
    except KeyboardInterrupt:
        pass
    return 0


if __name__ == "__main__":
    sys.exit(main())
