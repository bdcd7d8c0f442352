#!/usr/bin/env python3
"""etc/quickstart as a person meets it: start, sample, Ctrl-C, again, beside each other, refusals."""
import os
import re
import shutil
import signal
import socket
import subprocess
import tempfile
from pathlib import Path

from harness import LIMIT_S, PROGRAMS, TOP, wait_until

STUDY = "2.25.147763717617318706757137141068039716864"
scratch = Path(tempfile.mkdtemp(prefix="isthmus-quickstart."))
environment = {**os.environ, "ISTHMUS_BIN": PROGRAMS}


def command(*arguments):
    return [str(TOP / "etc/quickstart"), "--no-install", *map(str, arguments)]


def run(*arguments):
    return subprocess.run(command(*arguments), env=environment, text=True, capture_output=True,
                          timeout=5 * LIMIT_S, check=False)


def processes(directory):
    """What runs with this directory on its command line or as its working directory's root."""
    found = []
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            line = (entry / "cmdline").read_bytes().replace(b"\0", b" ").decode("utf-8", "replace")
        except (FileNotFoundError, ProcessLookupError):
            continue
        if str(directory.resolve()) in line or str(directory) in line:
            found.append(line)
    return found


def nothing_runs_in(directory):
    """PostgreSQL takes its lock file away a moment before it ends."""
    wait_until(lambda: not processes(directory), what=f"the end of {processes(directory)}")


class Foreground:
    """quickstart in a process group of its own, as on a terminal."""

    def __init__(self, *arguments):
        self.process = subprocess.Popen(
            command(*arguments), env=environment, text=True, stdout=subprocess.PIPE,
            stderr=subprocess.PIPE, start_new_session=True,
            preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler))
        self.said = self.ready = ""
        for line in self.process.stdout:
            self.said += line
            if line.startswith("ready "):
                self.ready = line.rstrip("\n")
                return
        raise AssertionError(f"no ready line: {self.process.communicate()[1]}")

    def interrupt(self):
        os.killpg(self.process.pid, signal.SIGINT)
        _, complaints = self.process.communicate(timeout=LIMIT_S)
        assert self.process.returncode == 130, (self.process.returncode, complaints)


def sql(ready, statement):
    db = re.search(r" db=(\S+) ", ready)[1]
    return subprocess.run(["psql", "-XAtq", db, "-c", statement], text=True, capture_output=True,
                          check=True).stdout.strip()


def a_study_is_shown_and_nothing_is_left_behind():
    state = scratch / "one"
    first = Foreground("--dir", state, "--port", 0)
    first.interrupt()
    for word in ("ImagingStudy", "ACC-2026-00815", STUDY, "instance", "Patient", "storescu"):
        assert word in first.said, f"{word} is not shown:\n{first.said}"
    nothing_runs_in(state)

    second = Foreground("--dir", state, "--port", 0)
    try:
        assert sql(second.ready, "select count(*) from isthmus.instance") == "5"
        assert sql(second.ready, "select count(*) from isthmus.conflict") == "0"
        busy = run("--dir", state, "--detach", "--no-sample", "--aet", "OTHER")
        assert busy.returncode == 1 and "already runs" in busy.stderr, busy.stderr
    finally:
        stopped = run("--dir", state, "--stop")
    assert stopped.returncode == 0, stopped.stderr
    second.process.wait(timeout=LIMIT_S)
    assert STUDY in second.said, "the study is gone after a second start"
    nothing_runs_in(state)


def two_run_beside_each_other():
    ready = {}
    for name in ("left", "right, with a long 'name' " + "x" * 60):
        done = run("--dir", scratch / name, "--port", 0, "--aet", name[:5].upper(), "--no-sample",
                   "--detach")
        assert done.returncode == 0, done.stderr
        ready[name] = done.stdout.splitlines()[-1]
    try:
        for name, line in ready.items():
            port = re.search(r"dicom=127\.0\.0\.1:(\d+) aet=(.{5})", line)
            subprocess.run(["echoscu", "-aec", port[2], "127.0.0.1", port[1]], check=True)
            assert run("--dir", scratch / name, "--status").returncode == 0
    finally:
        for name in ready:
            assert run("--dir", scratch / name, "--stop").returncode == 0
    for name in ready:
        assert run("--dir", scratch / name, "--status").returncode == 3
        nothing_runs_in(scratch / name)


def refusals_are_one_sentence():
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        done = run("--dir", scratch / "busy", "--port", port, "--no-sample", "--detach")
        assert done.returncode == 1, done
        assert f"port {port} of 127.0.0.1 is taken" in done.stderr, done.stderr
    nothing_runs_in(scratch / "busy")
    (scratch / "busy/postgres/PG_VERSION").resolve().unlink()
    done = run("--dir", scratch / "busy", "--no-sample", "--detach")
    assert done.returncode == 1 and "does not start" in done.stderr, done.stderr
    for arguments, words in ((("--port", "x"), "--port is a number"), (("--nonsense",), "no option"),
                             (("--dir", TOP), "holds something else"), (("--aet", "x" * 17), "--aet")):
        done = run(*arguments)
        assert done.returncode == 1 and words in done.stderr, (arguments, done.stderr)
        assert len(done.stderr.splitlines()) == 1, done.stderr


def an_edited_configuration_is_kept():
    conf = scratch / "left/isthmus.conf"
    conf.write_text(conf.read_text() + "log {\n    level = debug\n}\n")
    done = run("--dir", scratch / "left", "--no-sample", "--detach", "--port", 0)
    assert done.returncode == 1 and "has been edited" in done.stderr, done.stderr
    done = run("--dir", scratch / "left", "--no-sample", "--detach")
    assert done.returncode == 0, done.stderr
    assert "aet=LEFT" in done.stdout and "debug" in conf.read_text()
    assert run("--dir", scratch / "left", "--stop").returncode == 0


try:
    a_study_is_shown_and_nothing_is_left_behind()
    two_run_beside_each_other()
    refusals_are_one_sentence()
    an_edited_configuration_is_kept()
    nothing_runs_in(scratch)
finally:
    for state in scratch.iterdir():
        run("--dir", state, "--stop")
        shutil.rmtree(state.resolve(), ignore_errors=True)
    shutil.rmtree(scratch, ignore_errors=True)
