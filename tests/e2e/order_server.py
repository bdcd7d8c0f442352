"""A FHIR server with orders, and the worklist that follows it look by look, for tests.

    with following("R5", plans) as server:
        server.look()                    what came: {"read": 50, "put": 50, "new": 50, …}
        server.change("ServiceRequest", "o1", priority="stat")
        server.settle()                  looks until everything was looked at again
        server.check_equal()             the worklist is what the server has, nothing twice
"""
import contextlib
import json
import os
import subprocess
import tempfile
from pathlib import Path

import orders
from harness import Isthmus
from publishing import Fake

STEP_STATUS = {"booked": "SCHEDULED", "arrived": "ARRIVED", "checked-in": "READY",
               "cancelled": "CANCELED", "noshow": "CANCELED"}
OPEN = ("draft", "active", "on-hold")
NEVER = 31536000  # orders that are held are read again only where settle() says so


class OrderServer:
    def __init__(self, isthmus, fake, release):
        self.isthmus, self.fake, self.release = isthmus, fake, release
        self.said = ""

    # --- the server ---

    def put(self, *resources):
        self.fake.ask("/control/put", list(resources))

    def resource(self, kind, id_):
        return dict(self.fake.state()["resources"][kind][id_])

    def change(self, kind, id_, **members):
        self.put({**self.resource(kind, id_), **members})

    def delete(self, *names):
        self.fake.ask("/control/delete", list(names))

    def answers(self, **how):
        """How searches are answered from now on (fake_search.py)."""
        self.fake.ask("/control/search", how)

    def asked(self, what, since=0):
        """Requests whose path contains @what, from number @since on."""
        return [r for r in self.fake.requests()[since:] if what in r["path"]]

    # --- the worklist ---

    def look(self, code=0):
        """A look by a process of its own; @code: what it ends with."""
        done = subprocess.run(
            [f"{self.isthmus.programs}/isthmus-fhir", "--config", str(self.isthmus.config), "--look",
             "--json"], text=True, capture_output=True, check=False,
            env={**os.environ, "PGUSER": "isthmus-fhir"})
        assert code in (None, done.returncode) and done.returncode < 4, done
        self.said = done.stderr
        return json.loads(done.stdout)

    def settle(self, code=0):
        """Looks until the orders that are held were all read again; @code: of the last."""
        self.isthmus.configure("target", orders_check_interval=0)
        for _ in range(self.number("worklist_order") // 50 + 1):
            self.look(code=None)
        self.look(code=code)
        self.isthmus.configure("target", orders_check_interval=NEVER)

    def number(self, table, condition="true"):
        return int(self.isthmus.sql(f"select count(*) from isthmus.{table} where {condition}")[0][0])

    def order(self, id_, expression):
        """An expression over the order and its steps."""
        rows = self.isthmus.sql(f"select distinct {expression} from isthmus.worklist_order o join "
                                "isthmus.worklist_step s using (order_key) where "
                                f"o.source_reference = 'ServiceRequest/{id_}' order by 1")
        return [row[0] for row in rows]

    def expected_steps(self, there, request):
        """{step ID: (status, start)} of an order, from what the server has."""
        name = {"reference": f"ServiceRequest/{request['id']}"}
        found = {i: a for i, a in there.get("Appointment", {}).items() if name in a["basedOn"]}
        steps = {}
        for id_, appointment in found.items():
            status = STEP_STATUS[appointment["status"]]
            if request["status"] in ("revoked", "entered-in-error"):
                status = "CANCELED"
            elif request["status"] == "completed" and status != "CANCELED":
                status = "COMPLETED"
            steps[id_] = (status, appointment["start"][:16].replace("T", " "))
        return steps

    def check_order(self, there, row):
        """One order of the worklist beside what the server has."""
        request = there["ServiceRequest"].get(row["id"])
        held = {s["id"]: s for s in row["steps"]}
        if not request:
            assert row["status"] == "revoked" and "deleted on its server" in row["reason"], row
            assert {s["status"] for s in held.values()} <= {"CANCELED", "COMPLETED"}, row
            return
        steps = self.expected_steps(there, request)
        assert set(steps) <= set(held), (row, steps)
        assert all(s["status"] in ("CANCELED", "COMPLETED") for i, s in held.items() if i not in steps)
        if not steps and request["status"] in OPEN:
            return  # it does not say where, so it is refused
        assert row["status"] == request["status"] and not row["reason"], (row, request)
        for id_ in steps:
            assert (held[id_]["status"], held[id_]["start"]) == steps[id_], (id_, row, steps)
        if not steps:
            return
        assert row["priority"] == {"routine": "ROUTINE", "stat": "STAT"}.get(request["priority"], "HIGH")
        patient = there["Patient"][request["subject"]["reference"].split("/")[1]]
        assert row["name"] == patient["name"][0]["family"], (row["name"], patient)

    def check_equal(self):
        """The whole worklist is what the server has."""
        there = self.fake.state()["resources"]
        rows = [json.loads(r[0]) for r in self.isthmus.sql("""
            select jsonb_build_object('id', split_part(o.source_reference, '/', 2),
                'status', o.status, 'reason', o.status_reason,
                'priority', o.attributes #>> '{00401003,Value,0}',
                'name', split_part(o.patient_name, '^', 1), 'steps', jsonb_agg(jsonb_build_object(
                    'id', s.scheduled_procedure_step_id, 'status', s.status,
                    'start', to_char(s.start_date + s.start_time, 'YYYY-MM-DD HH24:MI'))))
            from isthmus.worklist_order o join isthmus.worklist_step s using (order_key)
            group by o.order_key""")]
        ids = [row["id"] for row in rows]
        assert len(ids) == len(set(ids)), "an order is there twice"
        for row in rows:
            self.check_order(there, row)
        for id_, request in there["ServiceRequest"].items():
            assert id_ in ids or request["status"] not in OPEN or \
                not self.expected_steps(there, request), request

    def check_import(self, scratch):
        """What the server has, taken from it as a file, changes nothing."""
        there = self.fake.state()["resources"]
        requests = {i: r for i, r in there["ServiceRequest"].items() if self.expected_steps(there, r)}
        there = {**there, "ServiceRequest": requests}
        entries = [{"fullUrl": f"{self.fake.url}/{kind}/{id_}", "resource": r}
                   for kind in there for id_, r in there[kind].items()]
        path = Path(scratch) / "server.json"
        path.write_text(json.dumps({"resourceType": "Bundle", "entry": entries}))
        done = self.isthmus.tool("worklist", "import", str(path), "--json")
        result = json.loads(done.stdout)
        assert (result["created"], result["updated"], result["refused"]) == (0, 0, 0), result
        assert result["unchanged"] + result["ignored"] == len(requests), result


@contextlib.contextmanager
def following(release, plans):
    """A server with the orders of @plans."""
    with tempfile.TemporaryDirectory(prefix="isthmus-e2e.") as directory:
        fake = Fake(directory, "--release", release)
        try:
            there = {(r["resourceType"], r["id"]): r for p in plans for r in orders.resources(p, release)}
            requests = [r for r in there.values() if r["resourceType"] == "ServiceRequest"]
            fake.ask("/control/search", {"clock_s": -86400})
            fake.ask("/control/put", [r for r in there.values() if r not in requests] +
                     orders.shared(release))
            fake.ask("/control/search", {})
            fake.ask("/control/put", requests)
            with Isthmus(fhir=[fake.url], release=release) as isthmus:
                isthmus.configure("target", pause_max=1, orders_check_interval=NEVER)
                yield OrderServer(isthmus, fake, release)
        finally:
            fake.stop()
