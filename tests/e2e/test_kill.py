#!/usr/bin/env python3
"""kill -9 of a worker, the parent, the publisher or the database during a load, at random moments.

After restart every instance that was answered Success is in the index, in its file bit for bit
and in the published ImagingStudy, and verify agrees. ISTHMUS_KILL_INSTANCES, ISTHMUS_KILL_ROUNDS
and ISTHMUS_KILL_WORKERS (killed in each round, one after the other) scale it, ISTHMUS_KILL_SEED
repeats a run.
"""
# fault
import os
import random
import time

from harness import Isthmus, children, wait_until
from kill_load import Load, check, kill_database

INSTANCES = int(os.environ.get("ISTHMUS_KILL_INSTANCES", "400"))
ROUNDS = int(os.environ.get("ISTHMUS_KILL_ROUNDS", "6"))
WORKERS = int(os.environ.get("ISTHMUS_KILL_WORKERS", "6"))
SEED = int(os.environ.get("ISTHMUS_KILL_SEED", str(random.randrange(1 << 30))))


def kill_worker(isthmus):
    workers = wait_until(lambda: children(isthmus.pid("isthmus-scp")), what="a worker")
    isthmus.kill(random.choice(workers))
    return "a child of isthmus-scp"


def kill_parent(isthmus):
    isthmus.kill(isthmus.pid("isthmus-scp"))
    return "isthmus-scp"


def kill_publisher(isthmus):
    isthmus.kill(isthmus.pid("isthmus-fhir"))
    return "isthmus-fhir"


def one_round(isthmus, number):
    load = Load(isthmus, f"{number + 1}00", INSTANCES)
    victims = [kill_worker, kill_parent, kill_publisher, kill_database]
    victim = victims[number % len(victims)]
    for goal in sorted(random.randrange(1, INSTANCES * 3 // 4) for _ in range(WORKERS)):
        wait_until(lambda: len(load.acknowledged) >= goal or not load.running(), 120, "the load")
        time.sleep(random.random() * 0.02)
        kill_worker(isthmus)
    name = victim(isthmus)
    at = len(load.acknowledged)
    isthmus.start()
    load.finish()
    assert len(load.acknowledged) == INSTANCES
    check(isthmus, load.acknowledged)
    print(f"round {number}: killed {WORKERS} workers and, after {at} of {INSTANCES} instances, {name}", flush=True)


print("seed", SEED, flush=True)
random.seed(SEED)
with Isthmus() as isthmus:
    for number in range(ROUNDS):
        one_round(isthmus, number)
