"""The judges that others wrote, HAPI FHIR, compiled from the Java files beside this one.

Maven puts the jars of pom.xml into interop/ of the build directory, once.
"""
import os
import re
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "e2e"))

from harness import PROGRAMS, skip  # noqa: E402

FETCH_S = 240
BUILD = Path(PROGRAMS) / "interop"
UNREACHABLE = re.compile(r"Could not transfer|[Uu]nknown host|Network is unreachable|onnect timed out|"
                         r"Connection refused|No route to host|name resolution")


def mvn(*arguments):
    try:
        done = subprocess.run(["mvn", "-B", "-q", "-f", HERE / "pom.xml", *arguments], text=True,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False,
                              timeout=FETCH_S)
    except subprocess.TimeoutExpired:
        skip(f"Maven Central did not give us HAPI FHIR within {FETCH_S} s")
    if done.returncode and UNREACHABLE.search(done.stdout):
        skip("Maven Central cannot be reached, and HAPI FHIR has not been fetched before")
    if done.returncode:
        raise AssertionError(f"mvn: {done.stdout}")


def newer(target, *sources):
    return target.exists() and all(target.stat().st_mtime >= s.stat().st_mtime for s in sources)


def prepare(name):
    """The command that runs the Java program @name; its arguments follow."""
    jars, done = BUILD / "jars", BUILD / "fetched"
    classes = BUILD / name
    BUILD.mkdir(exist_ok=True)
    if not newer(done, HERE / "pom.xml"):
        mvn("dependency:copy-dependencies", "-DincludeScope=runtime", f"-DoutputDirectory={jars}")
        done.touch()
    if not newer(classes / f"{name}.class", HERE / f"{name}.java", done):
        subprocess.run(["javac", "-nowarn", "-cp", f"{jars}/*", "-d", classes, HERE / f"{name}.java"],
                       check=True)
    return ["nice", "java", "-Xmx1500m", "-XX:+UseSerialGC",
            f"-Dlogback.configurationFile={HERE / 'logback.xml'}", "-cp", f"{jars}/*:{classes}", name]
