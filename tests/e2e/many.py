#!/usr/bin/env python3
"""A million small instances: does anything grow that should not?

    tests/soak many [--instances 1000000] [--every SECONDS] [--out DIRECTORY]

4 associations at a time send CT images of 1 KiB of pixels in studies of 200, 40 associations one after the other
in all, while the publisher writes the studies into a directory. Every few seconds (--every, a hundredth of what
that takes) memory and open files of each process are taken, and what the database holds. Writes many.csv and
many.svg into DIRECTORY (build/). Fails when, from the second to the last fifth of the instances, the memory of a
daemon, its open files or the time of an instance grew by more than 10 %. With fewer than 200,000 instances the
times say little: the fifths are too short. Beside them stands what the bare loop of tests/bench/ingest took for
files of that size at the same moments: what it lost, the machine lost. The database makes its checkpoints from the
beginning, several in each fifth, and not first when the default of 1 GB of its log is full, so that no fifth is
without.
"""
import argparse
import csv
import json
import os
import shutil
import statistics
import subprocess
import sys
import time
from pathlib import Path

from harness import TOP, Isthmus, children, wait_until

SENDERS, ROUNDS, STUDY, PIXELS = 4, 10, 200, 1024
FILE_BYTES = 10 * 1024  # of an instance, with its row, the log of the database and its part of a Bundle
GROWTH = 1.10
SLACK = {"memory": 1024}  # KiB: less than that is no growth
ROLES = ("isthmus-scp", "isthmus-fhir")


def rollup(pid):
    lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()[1:]
    return {name: int(rest.split()[0]) for name, rest in (line.split(":", 1) for line in lines)}


def sample(isthmus, began):
    """One row: sums of each daemon and the largest of the processes that work for it."""
    n, size = isthmus.sql("select coalesce(sum(number_of_study_related_instances), 0), pg_database_size("
                          "current_database()) from isthmus.study_count")[0]
    row = {"seconds": time.monotonic() - began, "instances": int(n), "database_mib": int(size) / (1 << 20)}
    for role in ROLES:
        row.update({f"{role} {what}": 0 for what in ("processes", "pss_kib", "rss_kib", "worker_rss_kib", "files")})
    for role, pid in [(role, pid) for role in ROLES for pid in [isthmus.pid(role), *children(isthmus.pid(role))]]:
        try:
            memory, files = rollup(pid), len(os.listdir(f"/proc/{pid}/fd"))
        except (FileNotFoundError, ProcessLookupError):
            continue  # it has just ended
        row[f"{role} processes"] += 1
        row[f"{role} pss_kib"] += memory["Pss"]
        row[f"{role} rss_kib"] += memory["Rss"]
        if pid != isthmus.pid(role):
            row[f"{role} worker_rss_kib"] = max(row[f"{role} worker_rss_kib"], memory["Rss"])
        row[f"{role} files"] += files
    return row


def send(isthmus, instances, number):
    host, port = isthmus.address
    return subprocess.Popen([f"{isthmus.programs}/tests/bench_ingest", host, str(port), isthmus.aet, str(SENDERS),
                             str(max(1, instances // STUDY)), "2", str(STUDY // 2), str(PIXELS), "131072", "many",
                             str(number)], stdout=subprocess.DEVNULL)


def bare_loop(isthmus, number):
    """Microseconds of a file."""
    directory = isthmus.scratch / f"bare{number}"
    directory.mkdir()
    done = subprocess.run([f"{isthmus.programs}/tests/bench_ingest", "floor", str(directory), "2000",
                           str(PIXELS + 1024)], stdout=subprocess.PIPE, check=True)
    return 1e6 / json.loads(done.stdout)["per_s"]


def want_checkpoints(isthmus, instances):
    """Each after about as much of the log as 1 in 50 instances writes."""
    for statement in (f"alter system set max_wal_size = '{max(64, instances * FILE_BYTES // 50 >> 20)}MB'",
                      "select pg_reload_conf()"):
        subprocess.run(["psql", "-XAtq", "-v", "ON_ERROR_STOP=1",
                        isthmus.db.replace("user=isthmus", "user=postgres"), "-c", statement],
                       stdout=subprocess.DEVNULL, check=True)


def load(isthmus, given):
    rows, began = [sample(isthmus, time.monotonic())], time.monotonic()
    bare = []
    for number in range(1, ROUNDS + 1):
        paused = time.monotonic()
        bare.append(bare_loop(isthmus, number))
        began += time.monotonic() - paused
        sender = send(isthmus, given.instances // ROUNDS, number)
        while sender.poll() is None:
            try:
                sender.wait(given.every)
            except subprocess.TimeoutExpired:
                rows.append(sample(isthmus, began))
                if sys.stderr.isatty():
                    print(f"\r{rows[-1]['instances']:10}", end="", file=sys.stderr)
        assert sender.returncode == 0, "an instance was not stored"
    rows.append(sample(isthmus, began))
    return rows, bare


def add_times(rows):
    for before, row in zip(rows, rows[1:]):
        n = row["instances"] - before["instances"]
        row["us_per_instance"] = (row["seconds"] - before["seconds"]) / n * 1e6 if n else None


def fifth(rows, number, column):
    total = rows[-1]["instances"]
    return [r[column] for r in rows[1:] if number - 1 < r["instances"] * 5 / total <= number and r[column]]


def mean_time(rows, number):
    """Over the whole fifth, so that it does not matter when the samples were taken."""
    total = rows[-1]["instances"]
    part = [r for r in rows if number - 1 <= r["instances"] * 5 / total <= number]
    return (part[-1]["seconds"] - part[0]["seconds"]) / (part[-1]["instances"] - part[0]["instances"]) * 1e6


def judge(rows):
    """What grew."""
    found = []
    for what, kind in [(f"{role} {one}", kind) for role in ROLES
                       for one, kind in (("pss_kib", "memory"), ("worker_rss_kib", "memory"), ("files", "files"))] \
            + [("us_per_instance", "time")]:
        if kind == "time":
            early, late = mean_time(rows, 2), mean_time(rows, 5)
        else:
            early, late = (statistics.median(fifth(rows, n, what)) for n in (2, 5))
        grew = late > early * GROWTH and late - early > SLACK.get(kind, 0)
        print(f"{what:32}{early:12.0f}{late:12.0f}{late / early:8.2f}{'  grew' if grew else ''}")
        found += [what] if grew else []
    return found


PANELS = [("proportional set size, MiB", ("isthmus-scp pss_kib", "isthmus-fhir pss_kib"), 1024),
          ("largest worker, resident MiB", ("isthmus-scp worker_rss_kib", "isthmus-fhir worker_rss_kib"), 1024),
          ("open files", ("isthmus-scp files", "isthmus-fhir files"), 1),
          ("microseconds per instance", ("us_per_instance",), 1), ("database, MiB", ("database_mib",), 1)]


def panel(rows, top, title, columns, unit):
    """A box of 700 by 120 with one line for each column, from 0 to its highest value."""
    most_x = rows[-1]["instances"]
    most = max((r[c] or 0) / unit for r in rows[1:] for c in columns) or 1
    yield f'<text x="60" y="{top - 6}">{title}</text><rect x="60" y="{top}" width="700" height="120" fill="none" ' \
          'stroke="#999"/>'
    yield f'<text x="54" y="{top + 10}" text-anchor="end">{most:.0f}</text><text x="54" y="{top + 120}" ' \
          'text-anchor="end">0</text>'
    for column, colour in zip(columns, ("#06c", "#c60")):
        points = " ".join(f"{60 + r['instances'] / most_x * 700:.1f},{top + 120 - r[column] / unit / most * 120:.1f}"
                          for r in rows[1:] if r[column] is not None)
        yield f'<polyline points="{points}" fill="none" stroke="{colour}"/>'
        if len(columns) > 1:
            yield f'<text x="{560 if colour == "#06c" else 660}" y="{top - 6}" fill="{colour}">{column.split()[0]}</text>'


def draw(rows):
    lines = [line for n, (title, columns, unit) in enumerate(PANELS)
             for line in panel(rows, 30 + n * 160, title, columns, unit)]
    height = 30 + len(PANELS) * 160
    return "\n".join([f'<svg xmlns="http://www.w3.org/2000/svg" width="800" height="{height}" '
                      'font-family="sans-serif" font-size="11"><rect width="100%" height="100%" fill="#fff"/>', *lines,
                      f'<text x="760" y="{height - 20}" text-anchor="end">{rows[-1]["instances"]} instances, '
                      f'{rows[-1]["seconds"]:.0f} s</text>', "</svg>", ""])


def want_room(instances):
    where = os.environ.get("TMPDIR", "/tmp")
    disk, free = os.statvfs(where), shutil.disk_usage(where).free
    if free < instances * FILE_BYTES or (disk.f_files and disk.f_favail < instances * 1.1):
        sys.exit(f"{where} has no room for {instances} files and {instances * FILE_BYTES >> 20} MiB; set TMPDIR")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--instances", type=int, default=1000000)
    parser.add_argument("--every", type=float)
    parser.add_argument("--out", type=Path, default=TOP / "build")
    given = parser.parse_args()
    given.instances = max(ROUNDS * STUDY * SENDERS, given.instances)
    given.every = given.every or max(0.5, given.instances / 250000)
    want_room(given.instances)
    with Isthmus(quiet_period=1) as isthmus:
        want_checkpoints(isthmus, given.instances)
        rows, bare = load(isthmus, given)
        wait_until(lambda: isthmus.sql("select count(*) from isthmus.outbox") == [["0"]], 600, "the last publication")
    add_times(rows)
    given.out.mkdir(exist_ok=True)
    with open(given.out / "many.csv", "w", newline="", encoding="utf-8") as f:
        writer = csv.DictWriter(f, [*rows[-1]], restval="")
        writer.writeheader()
        writer.writerows(rows)
    (given.out / "many.svg").write_text(draw(rows))
    print(f"{rows[-1]['instances']} instances, {rows[-1]['instances'] / rows[-1]['seconds']:.0f} a second; "
          f"{given.out}/many.csv, many.svg\n{'':32}{'2nd fifth':>12}{'last fifth':>12}")
    grown = judge(rows)
    early, late = (statistics.mean(bare[n * ROUNDS // 5:(n + 1) * ROUNDS // 5]) for n in (1, 4))
    print(f"{'the bare loop, us a file':32}{early:12.0f}{late:12.0f}{late / early:8.2f}")
    sys.exit(f"grew: {', '.join(grown)}" if grown else 0)


main()
