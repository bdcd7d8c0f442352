#!/usr/bin/env python3
"""Whatever happens at a FHIR server and on the way to it, the worklist ends as what the server has.

Scripts are drawn by lot: ORDER_SEED=n plays one of them again.
"""
import copy
import os
import random
import tempfile

import orders
from order_server import OPEN, following

SCRIPTS = (1, 2, 3, 4)  # the odd ones are gentle
# An hour of outage at the default interval and pause: 1 + 2 + 4 … up to 60 s, then each about 45 s.
TRIALS_OF_AN_HOUR = 85


class Script:
    def __init__(self, server, seed):
        self.server, self.luck, self.next = server, random.Random(seed), 1000 * seed

    def pick(self, kind, condition=lambda r: True):
        found = [r for _, r in sorted(self.server.fake.state()["resources"].get(kind, {}).items())
                 if condition(r)]
        return copy.deepcopy(self.luck.choice(found)) if found else None

    def open_order(self):
        return self.pick("ServiceRequest", lambda r: r["status"] in OPEN)

    # --- what people do there ---

    def priority(self):
        for priority in self.luck.sample(["routine", "stat", "urgent", "asap"], 2):
            request = self.open_order()
            self.server.put({**request, "priority": "routine"}, {**request, "priority": priority})

    def status(self):
        request = self.open_order()
        self.server.put({**request, "status": self.luck.choice(["revoked", "on-hold", "entered-in-error",
                                                                "completed"])})

    def reopen(self):
        request = self.pick("ServiceRequest", lambda r: r["status"] in ("revoked", "on-hold"))
        if request:
            self.server.put({**request, "status": "active"})

    def there_and_back(self):
        request = self.open_order()
        self.server.put({**request, "status": "revoked"}, request)

    def add(self):
        self.next += 1
        plan = dict(orders.plans(1)[0], n=self.next, id=f"o{self.next}", accession=f"B{self.next}",
                    placer=f"Q{self.next}", filler=f"G{self.next}", patient_id=f"PID{self.next}")
        made = orders.resources(plan, self.server.release)
        self.luck.shuffle(made)
        self.server.put(*made)

    def delete_order(self):
        self.server.delete("ServiceRequest/" + self.open_order()["id"])

    def delete_appointment(self):
        appointment = self.pick("Appointment")
        self.server.delete("Appointment/" + appointment["id"])

    def move(self):
        appointment = self.pick("Appointment")
        start = f"2030-{self.luck.randint(1, 12):02}-{self.luck.randint(1, 28):02}T10:00:00+00:00"
        self.server.put({**appointment, "start": start})

    def state(self):
        appointment = self.pick("Appointment")
        self.server.put({**appointment, "status": self.luck.choice(["booked", "arrived", "cancelled"])})

    def second(self):
        appointment = self.pick("Appointment")
        self.next += 1
        self.server.put({**appointment, "id": f"b{self.next}", "start": "2031-01-01T08:00:00+00:00"})

    def rename(self):
        patient = self.pick("Patient")
        self.next += 1
        self.server.put({**patient, "name": [{"family": f"Renamed{self.next}"}]})

    # --- what happens on the way ---

    def away(self):
        self.server.fake.behave("down")
        self.server.look(code=3)
        self.server.fake.behave()

    def trouble(self):
        """In the middle of the pages."""
        self.server.answers(count=3)
        self.server.fake.behave("status", status=self.luck.choice([429, 500, 502, 503, 401, 403]),
                                after=self.luck.randint(1, 12))
        self.server.look(code=None)
        self.server.fake.behave()

    def disorder(self):
        self.server.answers(count=3, overlap=1, disorder=self.luck.randint(1, 99))
        self.server.look(code=None)

    def lost_pages(self):
        self.server.answers(count=2, lose=self.luck.randint(1, 4))
        self.server.look(code=None)

    def clock(self):
        self.server.answers(clock_s=self.luck.choice([-90, 0, 90, 3600]))
        self.server.look(code=None)

    def plain(self):
        self.server.answers(rejects=["_include"])
        self.server.look(code=None)

    def look(self):
        self.server.answers(count=self.luck.randint(2, 50))
        self.server.look(code=None)

    def play(self, steps, gentle):
        """@gentle: only what is found without reading again all that is held."""
        changes = [self.priority, self.status, self.reopen, self.there_and_back, self.add,
                   self.delete_order, self.delete_appointment, self.move, self.state, self.second,
                   self.rename]
        ways = [self.away, self.trouble, self.disorder, self.lost_pages, self.clock, self.plain,
                self.look, self.look]
        if gentle:
            changes = [c for c in changes if c not in (self.delete_order, self.delete_appointment)]
            ways.remove(self.clock)
        said = []
        for _ in range(steps):
            for step in self.luck.sample(changes, self.luck.randint(0, 4)) + [self.luck.choice(ways)]:
                said.append(step.__name__)
                step()
        self.server.answers()
        self.server.look(code=None)
        self.server.look(code=None)
        if not gentle:
            self.server.settle(code=None)
        return said


def check_script(server, seed):
    said = Script(server, seed).play(12, gentle=seed % 2 == 1)
    try:
        server.check_equal()
    except AssertionError:
        print(f"ORDER_SEED={seed}:", " ".join(said))
        raise


def check_hour(server):
    """The server is away for an hour, and goes on changing by its own clock."""
    server.answers()
    server.settle(code=None)
    script = Script(server, 99)
    server.fake.behave("down")
    for trial in range(TRIALS_OF_AN_HOUR):
        if trial % 4 == 0:
            server.answers(clock_s=trial * 3600 // TRIALS_OF_AN_HOUR)
            script.luck.choice([script.priority, script.status, script.add, script.delete_order,
                                script.move, script.rename, script.there_and_back])()
        server.look(code=3)
    server.fake.behave()
    server.answers(clock_s=3600, count=5)
    server.settle(code=None)
    server.check_equal()
    with tempfile.TemporaryDirectory(prefix="isthmus-e2e.") as scratch:
        server.check_import(scratch)


def main():
    seeds = [int(os.environ["ORDER_SEED"])] if "ORDER_SEED" in os.environ else SCRIPTS
    for release in ("R5", "R4"):
        with following(release, orders.plans(16)) as server:
            for seed in seeds:
                check_script(server, seed if release == "R5" or len(seeds) == 1 else seed + 10)
            if release == "R5":
                check_hour(server)


if __name__ == "__main__":
    main()
