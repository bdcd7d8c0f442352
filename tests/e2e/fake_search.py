"""Searches of the small FHIR server: pages, what is sent along, ETags, and how servers differ.

What POST /control/search sets:
  count, overlap   matches on a page; how many of the page before each repeats
  tokens           next links are tokens for a snapshot, as servers keep it
  lose             so many of the next requests for a token are answered with 410
  disorder         seed: the pages are in any order, and matches come again in older versions
  rejects          parameters that are answered with 400
  ignores          parameters that are left out, as the self link says
  away             types that are answered with 404
  forbidden        types that are answered with 403
  forgets          what was deleted is answered with 404 instead of 410
  no_etag          without ETags
  hides            names that no search finds, though they are there
  clock_s          so far the server's clock is ahead
"""
import hashlib
import json
import random
import time
from urllib.parse import parse_qsl


class Refusal(Exception):
    def __init__(self, status, code, text):
        super().__init__(text)
        self.status, self.code, self.text = status, code, text


class Searches:
    def __init__(self, state):
        self.state = state
        self.how = {"count": 100}
        self.snapshots = {}

    def clock(self):
        return time.time() + self.how.get("clock_s", 0)

    def stamp(self):
        """An instant of the server's clock."""
        now = self.clock()
        return time.strftime("%Y-%m-%dT%H:%M:%S.", time.gmtime(now)) + f"{int(now * 1e6) % 1000000:06}Z"

    def is_forbidden(self, kind):
        if kind in self.how.get("forbidden", []):
            raise Refusal(403, "forbidden", f"{kind} is not for you")

    def check(self, kind, query):
        self.is_forbidden(kind)
        if kind in self.how.get("away", []):
            raise Refusal(404, "not-supported", f"there is no {kind} here")
        for name, _ in query:
            if name in self.how.get("rejects", []):
                raise Refusal(400, "not-supported", f"unknown parameter {name}")

    def matches(self, kind, query):
        """Ids in the order in which they were changed."""
        there = self.state.resources.get(kind, {})

        def fits(id_, r):
            for name, value in query:
                values = value.split(",")
                if name == "_id" and id_ not in values or \
                        name == "status" and r.get("status") not in values or \
                        name == "based-on" and not any(b["reference"] in values
                                                       for b in r.get("basedOn", [])) or \
                        name == "patient" and r.get("subject", r.get("patient"))["reference"] \
                        not in values or \
                        name == "code" and not any(c["code"] in values
                                                   for c in r["code"].get("coding", [])) or \
                        name == "_lastUpdated" and self.state.updated[f"{kind}/{id_}"][:-1] < \
                        value.removeprefix("ge").removesuffix("Z"):
                    return False
            return f"{kind}/{id_}" not in self.how.get("hides", [])

        return sorted((i for i, r in there.items() if fits(i, r)),
                      key=lambda i: self.state.updated[f"{kind}/{i}"])

    def belonging(self, request, query):
        """Names of what belongs to a ServiceRequest, as far as it is asked for."""
        wanted = [name for name, _ in query]
        name = f"ServiceRequest/{request['id']}"
        names = [request[key]["reference"] for key in ("subject", "encounter", "requester")
                 if key in request] if "_include" in wanted else []
        for kind in ("Appointment", "Task") if "_revinclude" in wanted else ():
            for id_, r in self.state.resources.get(kind, {}).items():
                if {"reference": name} in r.get("basedOn", []) and \
                        f"{kind}/{id_}" not in self.how.get("hides", []):
                    names.append(f"{kind}/{id_}")
                    names += [p["actor"]["reference"] for p in r.get("participant", [])]
                    names += [r["owner"]["reference"]] if "owner" in r else []
        return [n for n in dict.fromkeys(names)
                if n.split("/")[1] in self.state.resources.get(n.split("/")[0], {})]

    def entry(self, base, name, mode):
        kind, id_ = name.split("/")
        resource = dict(self.state.resources[kind][id_])
        resource["meta"] = {**resource.get("meta", {}), "versionId": str(self.state.versions[name]),
                            "lastUpdated": self.state.updated[name]}
        return {"fullUrl": f"{base}/{name}", "resource": resource, "search": {"mode": mode}}

    def late(self, base, names, luck):
        """Older versions of some of @names."""
        return [{"fullUrl": f"{base}/{n}", "resource": luck.choice(self.state.older[n]),
                 "search": {"mode": "match"}}
                for n in names if self.state.older.get(n) and luck.random() < 0.5]

    def pages_of(self, ids):
        """Where the pages begin; with disorder in any order, and the last one twice."""
        count, overlap = self.how["count"], self.how.get("overlap", 0)
        begins = list(range(0, max(len(ids), 1), count))
        if "disorder" in self.how and len(begins) > 1:
            random.Random(self.how["disorder"]).shuffle(begins)
            begins.append(begins[-1])
        return [ids[max(b - overlap, 0):b + count] for b in begins]

    def from_token(self, base, token):
        if self.how.get("lose", 0) > 0:
            self.how["lose"] -= 1
            raise Refusal(410, "expired", "this page is no more")
        if token not in self.snapshots:
            raise Refusal(404, "not-found", "no such page")
        return self.page_at(base, *self.snapshots[token])

    def page_at(self, base, kind, query, pages, at):
        names = [f"{kind}/{i}" for i in pages[at] if i in self.state.resources.get(kind, {})]
        others = []
        for name in names if kind == "ServiceRequest" else ():
            others += self.belonging(self.state.resources[kind][name.split("/")[1]], query)
        entries = [self.entry(base, n, "match") for n in names] + \
            [self.entry(base, n, "include") for n in dict.fromkeys(others)]
        if "disorder" in self.how and kind == "ServiceRequest" and at > 0:
            luck = random.Random(self.how["disorder"] + at)
            earlier = [f"{kind}/{i}" for page in pages[:at] for i in page]
            entries += self.late(base, earlier, luck)
        said = "&".join(f"{n}={v}" for n, v in query)
        bundle = {"resourceType": "Bundle", "type": "searchset", "entry": entries,
                  "link": [{"relation": "self", "url": f"{base}/{kind}?{said}"}]}
        if at + 1 < len(pages):
            token = hashlib.md5(json.dumps([kind, query, pages, at + 1]).encode()).hexdigest()
            self.snapshots[token] = (kind, query, pages, at + 1)
            bundle["link"].append({"relation": "next", "url": f"{base}?_page={token}"})
        return bundle

    def page(self, base, kind, text):
        """One page of a search, with what belongs to its matches."""
        query = parse_qsl(text, keep_blank_values=True)
        if kind in ("", None):
            return self.from_token(base, dict(query)["_page"])
        self.check(kind, query)
        query = [(n, v) for n, v in query if n not in self.how.get("ignores", [])]
        return self.page_at(base, kind, query, self.pages_of(self.matches(kind, query)), 0)

    def etag(self, bundle):
        return None if self.how.get("no_etag") else \
            f'W/"{hashlib.md5(json.dumps(bundle, sort_keys=True).encode()).hexdigest()}"'
