#!/usr/bin/env python3
"""The power goes during a load, at random moments: everything is killed, database included, and
the store forgets what was not synced (power_disk.py).

After restart every instance that was answered Success is in the index and in its file bit for bit,
nothing waits in incoming/ for ever, and verify agrees. ISTHMUS_POWER_INSTANCES and
ISTHMUS_POWER_ROUNDS scale it, ISTHMUS_POWER_SEED repeats a run.
"""
# timeout: 600
import os
import random
import signal
import tempfile
import time

from harness import Isthmus, children, wait_until
from kill_load import Load, check, kill_database
from power_disk import Disk

INSTANCES = int(os.environ.get("ISTHMUS_POWER_INSTANCES", "150"))
ROUNDS = int(os.environ.get("ISTHMUS_POWER_ROUNDS", "5"))
SEED = int(os.environ.get("ISTHMUS_POWER_SEED", str(random.randrange(1 << 30))))


def lose_power(isthmus):
    """Every process at once, as far as that can be done: the parents first, so that nobody is
    started again."""
    victims = []
    for name in ("isthmus-scp", "isthmus-fhir"):
        pid = isthmus.pid(name)
        victims += [pid, *children(pid)]
    for pid in victims:
        isthmus.kill(pid)
    kill_database(isthmus)


def one_round(isthmus, disk, number):
    load = Load(isthmus, f"{number + 1}00", INSTANCES)
    goal = random.randrange(1, INSTANCES * 3 // 4)
    wait_until(lambda: len(load.acknowledged) >= goal or not load.running(), 120, "the load")
    time.sleep(random.random() * 0.02)
    lose_power(isthmus)
    at = len(load.acknowledged)
    forgotten = disk.cut(random)
    isthmus.start()
    load.finish()
    assert len(load.acknowledged) == INSTANCES
    check(isthmus, load.acknowledged, leftovers=True)
    isthmus.owner_tool("reindex", "--delete-duplicates")  # what was whole, but not acknowledged, has no row
    isthmus.tool("verify")
    wait_until(lambda: not os.listdir(isthmus.dir / "store/incoming"), 60, "an empty incoming/")
    print(f"round {number}: no power after {at} of {INSTANCES} instances, {forgotten} changes "
          "forgotten", flush=True)


print("seed", SEED, flush=True)
random.seed(SEED)
with tempfile.TemporaryDirectory(prefix="isthmus-power.") as scratch, Isthmus() as isthmus:
    for name in ("isthmus-scp", "isthmus-fhir"):
        isthmus.kill(isthmus.pid(name), signal.SIGTERM)
    disk = Disk(isthmus.dir / "store", scratch)
    isthmus.environment.update(disk.environment())
    isthmus.start()
    for number in range(ROUNDS):
        one_round(isthmus, disk, number)
