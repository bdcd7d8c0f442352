#!/usr/bin/env python3
"""Trouble that belongs to one study, or is over, holds up no other study."""
import signal
import tempfile
from pathlib import Path

from harness import Isthmus, wait_until
from publishing import Fake, Studies, arrives, parked


def test_one_fails_always(fake, studies):
    """What looks like a failure of the server is one study's: the others go through."""
    isthmus = studies.isthmus
    for status in (503, 502, 403):
        uid = f"1.2.826.0.1.99.{studies.n + 1}"
        fake.behave("status", status=status, study=uid)
        assert studies.send() == uid
        wait_until(lambda: isthmus.sql("select paused_until from isthmus.target "
                                       "where paused_until is not null"), what="the pause")
        for _ in range(3):
            studies.send_and_wait(fake)

        def attempts():
            studies.send_and_wait(fake)
            return parked(isthmus, uid) if status == 403 else isthmus.sql(
                "select 1 from isthmus.outbox join isthmus.study using (study_key) "
                f"where study_instance_uid = '{uid}' and attempts >= 2 and parked_at is null")
        wait_until(attempts, what=f"attempts of its own after {status}")
        fake.behave("ok", study=uid)
        isthmus.tool("publish", "replay", uid)
        arrives(fake, uid, f"after {status}")


def test_pause_ends(fake, studies):
    """A server that asks for a day gets an hour at most; a restart and a replay try at once."""
    isthmus = studies.isthmus
    for end in (lambda uid: isthmus.restart("isthmus-fhir"),
                lambda uid: isthmus.tool("publish", "replay", uid)):
        fake.behave("status", status=429, retry_after="86400", times=1)
        uid = studies.send()
        wait_until(lambda: isthmus.sql("select 1 from isthmus.target where paused_until > now() "
                                       "+ interval '50 min'"), what="the long pause")
        wait_until(lambda: isthmus.sql("select 1 from isthmus.outbox where due_at > now() "
                                       "+ interval '50 min'"), what="the study to be postponed")
        assert isthmus.sql("select paused_until <= now() + interval '1 hour' from isthmus.target") \
            == [["t"]]
        end(uid)
        arrives(fake, uid, "after a pause that was ended")
        wait_until(lambda: isthmus.sql("select paused_until is null from isthmus.target") == [["t"]],
                   what="the end of the pause")


def test_unreadable(fake, studies):
    """A study whose rows cannot be read is parked, and holds up no other."""
    isthmus = studies.isthmus
    why = "the index's data of this study cannot be read"
    isthmus.kill(isthmus.pid("isthmus-fhir"), signal.SIGTERM)
    uid = studies.send()
    isthmus.sql("update isthmus.study set attributes = '{\"n\": 1e999}' "
                f"where study_instance_uid = '{uid}'")
    isthmus.start()
    wait_until(lambda: parked(isthmus, uid) == [[why]], what="the parked study")
    studies.send_and_wait(fake)
    assert isthmus.logs().count(why) == 1, isthmus.logs()


def main():
    with tempfile.TemporaryDirectory(prefix="isthmus-publish.") as directory:
        Path(directory).chmod(0o755)
        fake = Fake(directory)
        try:
            with Isthmus(fhir=[fake.url]) as isthmus:
                isthmus.configure("target", pause_max=1, retry_max=1)
                isthmus.restart("isthmus-fhir")
                studies = Studies(isthmus)
                for test in (test_one_fails_always, test_pause_ends, test_unreadable):
                    print(test.__name__, flush=True)
                    test(fake, studies)
                    fake.behave()
        finally:
            fake.stop()


if __name__ == "__main__":
    main()
