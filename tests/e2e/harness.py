"""One Isthmus of its own for an end-to-end test, set up by etc/quickstart.

    with Isthmus(fhir=["http://127.0.0.1:8080/fhir"]) as isthmus:
        ...

Leaving the block stops it and fails when a sanitizer complained in its logs, or something of a patient
is in them.
"""
import json
import os
import pty
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path

TOP = Path(__file__).resolve().parent.parent.parent
PROGRAMS = os.environ.get("ISTHMUS_BIN", str(TOP / "build-test"))
COMPLAINTS = re.compile(r"ERROR: \w*Sanitizer|runtime error: |LeakSanitizer has encountered")
OF_A_PATIENT = re.compile(r"[^\W\d]\^[^\W\d]|LOAD-1|ACC-LOAD")  # names as DICOM has them; dicom_raw's sample
SKIP = 77


def skip(why):
    print("skipped:", why)
    sys.exit(SKIP)


LIMIT_S = 120  # for what comes at once on a machine that has nothing else to do


def wait_until(condition, timeout=LIMIT_S, what="the condition"):
    """Ask until it is true; its value. The time is a limit, not a wait."""
    end = time.monotonic() + timeout
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > end:
            raise AssertionError(f"{what} did not come within {timeout} s")
        time.sleep(0.02)


def replace_file(path, text):
    """Whoever reads it meanwhile has the former content or the new one, whole."""
    there, new = path.stat(), path.with_name(path.name + ".new")
    new.write_text(text)
    new.chmod(there.st_mode & 0o7777)
    os.chown(new, there.st_uid, there.st_gid)
    new.replace(path)


def damage(path):
    """Another last byte, in place: it has its length all the time. What mends it again."""
    def turn():
        with open(path, "r+b", buffering=0) as file:
            file.seek(-1, os.SEEK_END)
            last = file.read(1)
            os.pwrite(file.fileno(), bytes([last[0] ^ 1]), file.tell() - 1)

    path.chmod(path.stat().st_mode | 0o200)
    turn()
    return turn


class ReservedPort:
    """A port of this machine that nobody else is given: somebody may listen there, and until then who connects
    is refused."""

    def __init__(self, address="127.0.0.1"):
        self.socket = socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET)
        self.socket.bind((address, 0))
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.number = self.socket.getsockname()[1]

    def close(self):
        self.socket.close()


def state_of(pid):
    """As in /proc; None: there is no such process."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0]
    except (FileNotFoundError, ProcessLookupError):
        return None


def alive(pid):
    return state_of(pid) not in (None, "Z")


def send_signal(pid, number):
    """Whether it was there still."""
    try:
        os.kill(pid, number)
    except ProcessLookupError:
        return False
    return True


def stop_family(pid):
    """Stop a process, and then its children: from now on it makes no more. All of them."""
    send_signal(pid, signal.SIGSTOP)
    wait_until(lambda: state_of(pid) in (None, "Z", "T"), what=f"process {pid} to stand still")
    family = [pid, *children(pid)]
    for one in family[1:]:
        send_signal(one, signal.SIGSTOP)
    return family


def children(pid):
    try:
        return [int(p) for p in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    except (FileNotFoundError, ProcessLookupError):
        return []


def peak_mib(pid):
    """The highest resident size that a process had; 0: it has just ended."""
    try:
        said = re.search(r"VmHWM:\s+(\d+)", Path(f"/proc/{pid}/status").read_text())
    except (FileNotFoundError, ProcessLookupError):
        said = None
    return int(said[1]) / 1024 if said else 0


class Isthmus:
    def __init__(self, fhir=(), quiet_period=0, release="R5", sample=False, aet="ISTHMUS", bind=None,
                 programs=PROGRAMS):
        self.scratch = Path(tempfile.mkdtemp(prefix="isthmus-e2e."))
        self.scratch.chmod(0o755)
        self.dir = self.scratch / "state"
        self.environment = {**os.environ, "ISTHMUS_BIN": programs}
        self.programs = programs
        self.sample = sample
        self.port = ReservedPort(bind or "127.0.0.1")
        self.options = ["--port", str(self.port.number), "--aet", aet, "--quiet-period", str(quiet_period),
                        "--fhir-version", release]
        for target in fhir:
            self.options += ["--fhir", str(target)]
        if bind:
            self.options += ["--bind", bind]

    def __enter__(self):
        try:
            self.start(*self.options)
        except BaseException:
            self.show_logs()
            self.quickstart("--stop", check=False)
            self.port.close()
            shutil.rmtree(self.scratch, ignore_errors=True)
            raise
        return self

    def __exit__(self, kind, *_):
        self.quickstart("--stop", check=False)
        self.port.close()
        complaint = COMPLAINTS.search(self.logs()) or OF_A_PATIENT.search(self.logs())
        if kind or complaint:
            self.show_logs()
        shutil.rmtree(self.dir.resolve(), ignore_errors=True)
        shutil.rmtree(self.scratch, ignore_errors=True)
        if complaint and not kind:
            raise AssertionError(f"in the logs: {complaint.group()}")

    def quickstart(self, *arguments, check=True):
        command = [str(TOP / "etc/quickstart"), "--dir", str(self.dir), "--no-install", *arguments]
        done = subprocess.run(command, env=self.environment, text=True, capture_output=True,
                              timeout=5 * LIMIT_S, check=False)
        if check and done.returncode:
            raise AssertionError(f"{' '.join(command)} ended with {done.returncode}:\n{done.stderr}")
        return done.stdout

    def start(self, *options):
        """Start what does not run."""
        sample = [] if self.sample else ["--no-sample"]
        ready = self.quickstart("--detach", *sample, *options).splitlines()[-1]
        match = re.fullmatch(r"ready dicom=(.*):(\d+) aet=(.*) fhir=(.*) db=(.*) config=(.*) dir=(.*)",
                             ready)
        assert match, ready
        self.address = (match[1].strip("[]"), int(match[2]))
        self.aet, self.fhir, self.db, self.config = match[3], match[4].split(","), match[5], match[6]

    def configure(self, section, **values):
        """Set options in DIR/isthmus.conf; they hold for programs started from now on."""
        text = (self.dir / "isthmus.conf").read_text()
        lines = "".join(f"    {name} = {value}\n" for name, value in values.items())
        there = re.search(rf"^{section}\b.*{{\n((?:.*\n)*?)}}\n", text, re.M)
        if there:
            names = "|".join(values)
            kept = re.sub(rf"^ *(?:{names}) = .*\n", "", there[1], flags=re.M)
            text = text[:there.start(1)] + kept + lines + text[there.end(1):]
        else:
            text += f"{section} {{\n{lines}}}\n"
        replace_file(self.dir / "isthmus.conf", text)

    def publish_r4_to_the_last(self):
        """The release of the last target is R4, from the next start of isthmus-fhir on."""
        path = self.dir / "isthmus.conf"
        head, rest = path.read_text().rsplit("release = R5", 1)
        replace_file(path, f"{head}release = R4{rest}")

    def pid(self, name):
        return int((self.dir / "run" / f"{name}.pid").read_text().split()[0])

    def peak_mib(self):
        """Of the listener and all below it."""
        below = [self.pid("isthmus-scp")]
        for pid in below:
            below += children(pid)
        return max(map(peak_mib, below))

    def postmaster(self):
        return int((self.dir / "postgres/postmaster.pid").read_text().split()[0])

    def kill(self, pid, signal_number=signal.SIGKILL):
        send_signal(pid, signal_number)
        wait_until(lambda: not alive(pid), what=f"the end of process {pid}")

    def restart(self, name):
        """End a daemon in good order and start it with the configuration there is."""
        self.kill(self.pid(name), signal.SIGTERM)
        self.start()

    def sql(self, statement):
        """Rows as lists of text."""
        done = subprocess.run(["psql", "-XAtq", "-F", "\t", "-v", "ON_ERROR_STOP=1", self.db, "-c",
                               statement], text=True, capture_output=True, check=False)
        if done.returncode:
            raise AssertionError(done.stderr)
        return [line.split("\t") for line in done.stdout.splitlines()]

    def tool(self, *arguments, check=True):
        done = subprocess.run([f"{self.programs}/isthmus", "--config", str(self.config), *arguments],
                              text=True, capture_output=True, check=False)
        if check and done.returncode:
            raise AssertionError(f"isthmus {arguments} ended with {done.returncode}: "
                                 f"{done.stdout}{done.stderr}")
        return done

    def owner_tool(self, *arguments, start=False, check=True, errors=subprocess.PIPE):
        """The tool as the user and role of the listener; @start: do not wait for its end."""
        owner = self.dir.joinpath("store").stat()
        program, command = Path(self.programs) / "isthmus", []
        if os.geteuid() == 0:
            program = self.scratch / "isthmus"
            if not program.exists():
                shutil.copy(Path(self.programs) / "isthmus", program)
            command = ["setpriv", "--reuid", str(owner.st_uid), "--regid", str(owner.st_gid),
                       "--clear-groups", "--no-new-privs", "--"]
        command += [str(program), "--config", str(self.config), *map(str, arguments)]
        environment = {**os.environ, "PGUSER": "isthmus-scp"}
        if start:
            return subprocess.Popen(command, text=True, stdout=subprocess.PIPE,
                                    stderr=errors, cwd="/", env=environment)
        done = subprocess.run(command, text=True, capture_output=True, cwd="/", env=environment,
                              check=False)
        if check and done.returncode:
            raise AssertionError(f"isthmus {arguments} ended with {done.returncode}: "
                                 f"{done.stdout}{done.stderr}")
        return done

    def on_terminal(self, *arguments):
        """What the tool shows, as its owner, on a terminal; it has to end well."""
        end, other = pty.openpty()
        running = self.owner_tool(*arguments, start=True, errors=other)
        os.close(other)
        shown = b""
        try:
            while piece := os.read(end, 65536):
                shown += piece
        except OSError:  # nobody has the other end any more
            pass
        os.close(end)
        out, _ = running.communicate()
        assert running.returncode == 0, (out, shown)
        return shown.decode()

    def stored_path(self, blob):
        """The file of an instance: the one in objects/ whose name begins with our id."""
        found = list((self.dir / "store/objects").rglob(f"{int(blob):016x}.dcm")) or \
            list((self.dir / "store/objects").rglob(f"{int(blob)}.dcm"))
        assert len(found) == 1, f"{len(found)} files for {blob}"
        return found[0]

    def imaging_studies(self):
        """Published ImagingStudy resources of the first target, a directory, by Study UID."""
        studies = {}
        for path in Path(self.fhir[0]).glob("*.json"):
            for entry in json.loads(path.read_text())["entry"]:
                resource = entry["resource"]
                if resource["resourceType"] == "ImagingStudy":
                    uids = [i["value"].removeprefix("urn:oid:") for i in resource["identifier"]
                            if i.get("system") == "urn:dicom:uid"]
                    assert len(uids) == 1 and uids[0] not in studies, uids
                    studies[uids[0]] = resource
        return studies

    def logs(self):
        return "\n".join(p.read_text(errors="replace") for p in sorted((self.dir / "log").glob("*"))
                         if p.is_file()) if (self.dir / "log").is_dir() else ""

    def show_logs(self):
        for path in sorted((self.dir / "log").glob("*")) if (self.dir / "log").is_dir() else []:
            print(f"--- {path.name}, the last lines:")
            print("\n".join(path.read_text(errors="replace").splitlines()[-60:]))
