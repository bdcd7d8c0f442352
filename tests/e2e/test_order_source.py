#!/usr/bin/env python3
"""What is asked of a FHIR server that orders are read from, and what its answers mean."""
import re
import subprocess
import tempfile

import orders
from harness import wait_until
from order_server import NEVER, following

STATES = "select step_key, order_status, step_status from isthmus.worklist order by 1"
WEIGHT = "o.attributes #>> '{00101030,Value,0}'"


def check_versions(server):
    """The same version is not put again; one that comes late changes nothing."""
    first = server.look()
    assert first["put"] == first["new"] == 12, first
    for _ in range(2):
        again = server.look()
        assert again["read"] == 12 and again["put"] == 0, again
    for n in range(12):
        server.change("ServiceRequest", f"o{n}", priority="urgent")
        server.change("ServiceRequest", f"o{n}", priority="stat")
    server.answers(count=3, overlap=2, disorder=7)
    look = server.look()
    assert look["read"] > look["changed"] == 12 and look["put"] > 12, look
    assert server.number("worklist_order", "attributes #>> '{00401003,Value,0}' = 'STAT'") == 12
    server.answers()


def check_pages(server):
    """A server that forgets its pages is asked from the beginning, not for ever."""
    server.change("ServiceRequest", "o11", priority="asap")
    server.answers(count=5, lose=2)
    look = server.look()
    assert look["changed"] == look["put"] == 1 and look["read"] > 12, look
    server.change("ServiceRequest", "o11", priority="routine")
    server.answers(count=5, lose=9)
    server.look(code=3)
    assert "orders cannot be read: HTTP 410" in server.said, server.said
    server.answers(count=5)
    server.fake.behave("status", status=429, after=2, times=1)
    server.look(code=3)
    server.look()
    server.check_equal()
    server.answers()


def check_deleted(server):
    """Only what the server says is not there is taken away."""
    server.delete("ServiceRequest/o1", "Appointment/a2")
    server.answers(forgets=True)
    server.delete("ServiceRequest/o3")
    server.settle(code=1)
    assert "o2 is refused: Modality" in server.said, "nothing says where it would be done"
    assert server.order("o1", "o.status || ' ' || s.status") == ["revoked CANCELED"]
    assert server.order("o1", "o.status_reason") == ["deleted on its server (HTTP 404)"]
    assert server.order("o2", "scheduled_procedure_step_id || ' ' || s.status") == \
        ["a2 CANCELED"]
    server.answers()
    server.delete("ServiceRequest/o5")
    server.change("ServiceRequest", "o2", status="revoked")
    server.settle()
    assert server.order("o2", "o.status") == ["revoked"], "so much is clear"
    assert server.order("o5", "o.status_reason") == ["deleted on its server (HTTP 410)"]
    server.check_equal()
    # No search finds them, but they are there.
    before = server.isthmus.sql(STATES)
    server.answers(hides=["ServiceRequest/o4", "Appointment/a4", "Appointment/a7"])
    server.change("ServiceRequest", "o7", note=[{"text": "later"}])
    server.settle()
    assert server.order("o7", "s.status || ' ' || (o.attributes #>> '{00401400,Value,0}')") == \
        ["SCHEDULED later"]
    for status in (401, 403, 500, 503):
        server.fake.behave("status", status=status, after=4)
        server.settle(code=3)
        server.fake.behave()
    server.answers(hides=["ServiceRequest/o4", "Appointment/a4", "Appointment/a7"],
                   forbidden=["Appointment"])
    server.settle(code=3)
    server.answers()
    server.settle()
    server.change("ServiceRequest", "o7", note=[])
    server.settle()
    assert server.isthmus.sql(STATES) == before
    # What was lost comes back as it was.
    there = server.fake.state()["resources"]
    server.delete(*[f"ServiceRequest/{i}" for i in there["ServiceRequest"]])
    server.settle()
    assert server.number("worklist_order", "status <> 'revoked'") == 0
    server.answers(clock_s=-86400)
    server.put(*there["ServiceRequest"].values())
    server.answers()
    server.settle()
    server.check_equal()
    assert server.number("worklist_order", "status = 'active'") == 8


def check_portions(server):
    """Whatever is held, a look asks again for 50 orders at most, and the next one goes on."""
    server.answers(clock_s=-86400)
    server.put(*[r for p in orders.plans(120)[12:] for r in orders.resources(p, server.release)])
    server.answers()
    server.isthmus.sql("truncate isthmus.worklist_source, isthmus.worklist_round")
    server.look()
    asked = []
    server.isthmus.configure("target", orders_check_interval=0)
    for _ in range(3):
        begin = len(server.fake.requests())
        server.look()
        portions = [r["path"].split("_id=")[1].split("&")[0].split(",")
                    for r in server.asked("ServiceRequest?_id=", begin)]
        assert sum(map(len, portions)) <= 50, portions
        asked += [i for portion in portions for i in portion]
    held = server.number("worklist_order", "status = 'active' or source_status = 'deleted'")
    assert len(asked) == len(set(asked)) == held, "every order once"
    server.isthmus.configure("target", orders_check_interval=NEVER)


def check_patient_data(server):
    """Weight and allergies come, unless they are not wanted or not allowed."""
    plans = orders.plans(12)
    assert server.order("o4", WEIGHT) == [str(plans[4]["weight"])]
    assert server.order("o0", "o.attributes #>> '{00102110,Value,0}'") == [plans[0]["allergy"]]
    observation = server.resource("Observation", "w4")
    server.put({**observation, "id": "w4b", "effectiveDateTime": "2026-02-01",
                "valueQuantity": {**observation["valueQuantity"], "value": 99}})
    server.put({**observation, "id": "w4c", "effectiveDateTime": "2025-02-01",
                "valueQuantity": {**observation["valueQuantity"], "value": 11}})
    server.settle()
    assert server.order("o4", WEIGHT) == ["99"]
    begin = len(server.fake.requests())
    server.answers(forbidden=["Observation"], away=["AllergyIntolerance"])
    server.change("ServiceRequest", "o6", priority="asap")
    server.look()
    assert server.order("o6", "o.attributes #>> '{00401003,Value,0}'") == ["HIGH"]
    assert server.said.count("Observation cannot be had from the server (HTTP 403") == 1, server.said
    assert len(server.asked("Observation?", begin)) == 1
    server.answers()
    server.isthmus.configure("target", orders_patient_data="false")
    begin = len(server.fake.requests())
    server.settle()
    assert not server.asked("Observation", begin) + server.asked("AllergyIntolerance", begin)
    server.isthmus.configure("target", orders_patient_data="true")


def check_less(server):
    """A server that lacks this or that has the same orders."""
    for n, how in enumerate([{"rejects": ["_include"]}, {"rejects": ["_revinclude"]},
                             {"ignores": ["_include", "_revinclude", "_include:iterate"]},
                             {"rejects": ["_lastUpdated"]}, {"away": ["Task"]},
                             {"rejects": ["_lastUpdated", "_revinclude"], "no_etag": True}]):
        server.answers(**how)
        server.isthmus.sql("truncate isthmus.worklist_source, isthmus.worklist_order cascade")
        server.look()
        server.change("ServiceRequest", f"o{6 + n}", priority=["stat", "asap"][n % 2])
        server.change("Appointment", f"a{6 + n}", start=f"2030-01-0{n + 1}T03:04:05+00:00")
        server.look()
        server.check_equal()
        server.answers()
        server.settle()
        with tempfile.TemporaryDirectory(prefix="isthmus-e2e.") as scratch:
            server.check_import(scratch)
    server.answers(rejects=["status", "_lastUpdated"])
    server.look(code=3)
    assert "orders cannot be read: HTTP 400" in server.said, server.said
    server.answers()


def check_clock(server):
    """A server whose clock is ahead, behind, or was set back."""
    for clock_s in (7200, -7200, 7200, 0):
        server.answers(clock_s=clock_s)
        server.change("ServiceRequest", "o8", priority="stat")
        server.change("Patient", "p2", name=[{"family": f"Renamed{clock_s}"}])
        server.look()
        server.look()
        server.change("ServiceRequest", "o8", priority="routine")
        server.look()
        server.check_equal()
    # What the server shows later than it says.
    server.answers(clock_s=-40)
    server.change("ServiceRequest", "o8", priority="asap")
    server.change("Appointment", "a8", start="2032-01-02T03:04:05+00:00")
    server.answers()
    server.look()
    server.check_equal()


def check_refused(server):
    """An order whose patient comes after it."""
    made = orders.resources(orders.plans(131)[130], server.release)
    server.isthmus.configure("target", orders_overlap=0, orders='"also"', orders_interval=1)
    server.put(*[r for r in made if r["resourceType"] != "Patient"])
    server.isthmus.restart("isthmus-fhir")
    wait_until(lambda: "ServiceRequest/o130 is refused: the Patient" in server.isthmus.logs(),
               what="the refusal")
    server.put(*[r for r in made if r["resourceType"] == "Patient"])
    wait_until(lambda: server.number("worklist", "source_reference = 'ServiceRequest/o130'") == 1,
               what="the order")
    assert server.isthmus.logs().count("o130 is refused") == 1, "said once"


def check_conditional(server):
    """While nothing changes the server is only asked whether something did; then it is seen."""
    searches = [f"{kind}?_lastUpdated=ge" for kind in ("ServiceRequest", "Appointment", "Task", "Patient")]
    begin = len(server.fake.requests())
    for search in searches:
        wait_until(lambda path=search: [r["status"] for r in server.asked(path, begin)][-2:] == [304, 304],
                   what=f"answers without content to {search}")
    begin = len(server.fake.requests())
    server.change("ServiceRequest", "o9", priority="stat")
    server.change("Appointment", "a10", start="2031-01-02T03:04:00+00:00")
    wait_until(lambda: server.order("o9", "o.attributes #>> '{00401003,Value,0}'") == ["STAT"],
               what="the change of an order")
    wait_until(lambda: server.order("o10", "s.start_date") == ["2031-01-02"],
               what="the change of an appointment")
    server.answers(ignores=["_revinclude"])
    server.change("ServiceRequest", "o9", priority="routine")
    wait_until(lambda: server.asked("Appointment?based-on=", begin), what="a separate search")
    before = len(server.asked("Appointment?based-on=", begin))
    server.change("ServiceRequest", "o9", priority="stat")
    wait_until(lambda: len(server.asked("Appointment?based-on=", begin)) > before, what="another")
    assert server.isthmus.logs().count("(_revinclude); it is asked for by itself") == 1
    assert "Renamed" not in server.isthmus.logs()


def check_scope(server):
    """Every type that was asked for is in the scopes that are asked for."""
    done = subprocess.run([f"{server.isthmus.programs}/isthmus-fhir", "--options"], text=True,
                          capture_output=True, check=True)
    scopes = re.search(r"smart_scope_orders = \"(.*)\"", done.stdout)[1].split()
    asked = {re.match(r"/fhir/([A-Za-z]+)", r["path"])[1] for r in server.asked("/fhir/")
             if r["method"] == "GET"} - {"metadata"}
    assert {"Appointment", "Task", "Encounter", "Observation", "Device"} <= asked, asked
    assert not [kind for kind in asked if f"system/{kind}.rs" not in scopes]


def main():
    for release in ("R5", "R4"):
        with following(release, orders.plans(12)) as server:
            check_versions(server)
            check_pages(server)
            check_deleted(server)
            check_patient_data(server)
            check_portions(server)
            check_less(server)
            check_clock(server)
            check_refused(server)
            check_conditional(server)
            check_scope(server)


if __name__ == "__main__":
    main()
