#!/usr/bin/env python3
"""What an Isthmus costs that has nothing to do: memory, and how often its processes wake.

Memory is resident size, and proportional set size (shared pages shared out). A process wakes when it goes to
sleep again: voluntary context switches of all threads. The PostgreSQL processes that serve ours are counted
with them. ISTHMUS_IDLE_SECONDS (60) is how long it is looked at.
"""
import os
import re
import time
from pathlib import Path

import dicom_raw as dicom
from harness import Isthmus, children

SECONDS = int(os.environ.get("ISTHMUS_IDLE_SECONDS", "60"))
LISTENER_MIB = 60
WAKES_PER_S = 1  # of each daemon in all, its backends included


def field(path, name):
    found = re.search(rf"^{name}:\s*(\d+)", Path(path).read_text(), re.M)
    return int(found[1]) if found else 0


def wakes(pid):
    return sum(field(task / "status", "voluntary_ctxt_switches") for task in Path(f"/proc/{pid}/task").iterdir())


def processes(isthmus):
    """{pid: the daemon that it belongs to}"""
    found = {}
    for name in ("isthmus-scp", "isthmus-fhir"):
        pid = isthmus.pid(name)
        found.update({one: name for one in [pid, *children(pid)]})
    for pid, name in isthmus.sql("select pid, application_name from pg_stat_activity "
                                 "where application_name like 'isthmus-%'"):
        found[int(pid)] = name.split()[0]
    return found


def show(before, names):
    """The sums of each daemon: resident KiB without its backends, wakes a second with them."""
    sums = {name: [0, 0.0] for name in set(names.values())}
    print(f"{'process':40}{'PSS KiB':>10}{'RSS KiB':>10}{'wakes/s':>10}")
    for pid, name in sorted(names.items(), key=lambda entry: (entry[1], entry[0])):
        comm, roll = Path(f"/proc/{pid}/comm").read_text().strip(), f"/proc/{pid}/smaps_rollup"
        rate = (wakes(pid) - before[pid]) / SECONDS
        print(f"{name + ': ' + comm:40}{field(roll, 'Pss'):10}{field(roll, 'Rss'):10}{rate:10.2f}")
        sums[name][0] += field(roll, "Rss") if comm != "postgres" else 0
        sums[name][1] += rate
    return sums


with Isthmus(quiet_period=10) as isthmus:
    assert dicom.echo(isthmus.address, isthmus.aet) == 0
    names = processes(isthmus)
    before = {pid: wakes(pid) for pid in names}
    time.sleep(SECONDS)
    sums = show(before, {pid: name for pid, name in names.items() if Path(f"/proc/{pid}").exists()})
    for name, (resident, rate) in sums.items():
        print(f"{name}: {resident / 1024:.1f} MiB resident, {rate:.2f} wakes a second")
        assert rate < WAKES_PER_S, name
    assert sums["isthmus-scp"][0] < LISTENER_MIB * 1024
