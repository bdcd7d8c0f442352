#!/usr/bin/env python3
"""What `isthmus publish coverage` says of images that came by C-STORE: those of a header that has
everything fill every path of the mapping, in both releases."""
import json
import subprocess

from harness import TOP, Isthmus

FULL = "2.25.147763717617318706757137141068039716880"


def storescu(isthmus, path):
    host, port = isthmus.address
    subprocess.run(["storescu", "-aec", isthmus.aet, host, str(port), path], check=True)


def coverage(isthmus, study, release):
    return json.loads(isthmus.tool("publish", "coverage", study, "--release", release,
                                   "--json").stdout)


def everything_is_mapped(isthmus):
    subprocess.run([TOP / "etc/sample/make", "--full", isthmus.scratch], check=True)
    storescu(isthmus, isthmus.scratch / "full.dcm")
    for release in ("R5", "R4"):
        report = coverage(isthmus, FULL, release)
        empty = [row["path"] for row in report["rows"] if row["studies"] != 1]
        lacking = [a["tag"] for row in report["rows"] for a in row["attributes"] if a["studies"] != 1]
        assert not empty and not lacking, (release, empty, lacking)
        assert (report["pathsFilled"], report["attributesPresent"]) == (39, 51), report
        said = isthmus.tool("publish", "coverage", FULL, "--release", release).stdout
        assert said.endswith(f"{release}, 1 studies: 39 of 39 paths, 51 of 51 attributes\n"), said


with Isthmus() as isthmus:
    everything_is_mapped(isthmus)
