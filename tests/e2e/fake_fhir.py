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
UID); slow ("seconds", and until as many studies as "together" says have been under way at once); huge
("bytes" of answer); half (the answer breaks off); batch (200 whose entries carry "status"). "where":
"metadata" restricts one to GET metadata, "data" (default) to all but that, "all" to neither. Several may be
set one after the other for different studies.
"""
import argparse
import gzip
import json
import os
import ssl
import sys
import threading
import time
import uuid
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import unquote, urlsplit

from fake_search import Refusal
from fake_state import State, outcome


class Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 64

    def handle_error(self, request, client_address):
        pass  # a client that hangs up is no failure of a test


VALIDATE = "http://hl7.org/fhir/OperationDefinition/Resource-validate"


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
            self.server.state.wait_for(rule.get("together", 0))
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
