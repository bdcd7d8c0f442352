"""C-FIND clients that others wrote: DCMTK's findscu, pynetdicom, dcmjs-dimse.

Each takes an Isthmus (anything with address and aet) and queries as find_population.query() makes them; a
query may also have "calling", and "level" is None where the model has none. Answers are
[(status, [{tag: text}, …]), …].
"""
import json
import os
import subprocess
import sys
import xml.etree.ElementTree as ET
from pathlib import Path

import dicom_query as q

HERE = Path(__file__).resolve().parent
MODELS = {q.STUDY_ROOT: "-S", q.PATIENT_ROOT: "-P", q.WORKLIST: "-W"}
CODECS = {"ISO_IR 192": "utf-8", "ISO_IR 100": "latin-1"}


# --- findscu --------------------------------------------------------------------------------

def _arguments(keys, path=""):
    for tag, vr, value in keys:
        name = f"{path}({tag >> 16:04X},{tag & 0xFFFF:04X})"
        if vr == "SQ":
            yield from _arguments(value, f"{name}[0].") if value else ("-k", name)
        else:
            yield from ("-k", f"{name}={value}" if value else name)


def _tag(element):
    return int(element.get("tag").replace(",", ""), 16)


def _match(answer):
    """{tag: text}; of a sequence a list of such items."""
    match = {_tag(e): e.text or "" for e in answer.findall("element")}
    match.update({_tag(s): [_match(i) for i in s.findall("item")] for s in answer.findall("sequence")})
    return match


def findscu(isthmus, query, scratch):
    xml = scratch / "answers.xml"
    arguments = ["findscu", MODELS[query["root"]], "-aet", query.get("calling", "FINDSCU"), "-aec", isthmus.aet,
                 *map(str, isthmus.address), "-Xs", str(xml), "-k", f"SpecificCharacterSet={query['charset']}"]
    if query["level"]:
        arguments += ["-k", f"QueryRetrieveLevel={query['level']}"]
    arguments += _arguments(query["keys"])
    xml.unlink(missing_ok=True)
    subprocess.run([a.encode(CODECS[query["charset"]]) for a in arguments], check=True, capture_output=True)
    answers = ET.parse(xml).getroot().iter("data-set") if xml.exists() else []
    return 0, [_match(answer) for answer in answers]


# --- pynetdicom, dcmjs-dimse ----------------------------------------------------------------

def _client(command, isthmus, queries, **options):
    given = {"address": isthmus.address, "aet": isthmus.aet, "queries": queries}
    done = subprocess.run(command, input=json.dumps(given), capture_output=True, text=True, check=False, **options)
    assert done.returncode == 0, done.stderr
    return [(status, [{int(tag): value for tag, value in match.items()} for match in matches])
            for status, matches in json.loads(done.stdout.splitlines()[-1])]


def _python():
    return os.environ.get("ISTHMUS_PYNETDICOM", sys.executable)


def has_pynetdicom():
    return subprocess.run([_python(), "-c", "import pynetdicom"], capture_output=True, check=False).returncode == 0


def pynetdicom(isthmus, queries):
    return _client([_python(), str(HERE / "scu_pynetdicom.py")], isthmus, queries)


def has_dcmjs():
    return "ISTHMUS_DCMJS" in os.environ


def dcmjs(isthmus, queries):
    return _client(["node", str(HERE / "scu_dcmjs.cjs")], isthmus, queries,
                   env={**os.environ, "NODE_PATH": f"{os.environ['ISTHMUS_DCMJS']}/node_modules"})
