#!/usr/bin/env python3
"""Where instances came from: the same whatever the order of arrival, in the index, for a person and
in FHIR; twenty thousand sources of one instance; how a file is reached; Inventory instances.

ISTHMUS_PROVENANCE_FRAMES (default 20000) is the number of frames that each name another source.
With ISTHMUS_PROVENANCE_ABSOLUTE set (a build without sanitizers) storing them must take less than
2 s and the worker stay below 40 MiB, else it may grow by 32 MiB.
"""
import itertools
import json
import os
import re
import shutil
import subprocess
import tempfile
import time
import uuid
from pathlib import Path

import dicom_query as q
import dicom_raw as dicom
from corpus import CORPUS, entries, send
from harness import Isthmus, wait_until

FRAMES = int(os.environ.get("ISTHMUS_PROVENANCE_FRAMES", "20000"))
ABSOLUTE = bool(os.environ.get("ISTHMUS_PROVENANCE_ABSOLUTE"))
LEGACY_CT = "1.2.840.10008.5.1.4.1.1.2.2"
INVENTORY = "1.2.840.10008.5.1.4.1.1.201.1"
ITEM, ITEM_END, END = b"\xfe\xff\0\xe0\xff\xff\xff\xff", b"\xfe\xff\x0d\xe0\0\0\0\0", b"\xfe\xff\xdd\xe0\0\0\0\0"


def sequence(tag, items):
    """Of undefined length, as its items."""
    return dicom.element(tag, "SQ", length=0xFFFFFFFF) + \
        b"".join(ITEM + item + ITEM_END for item in items) + END


def conversion(uid, frames=False):
    """Conversion Source Attributes Sequence with one item."""
    item = dicom.element(0x00081150, "UI", dicom.CT_IMAGE) + dicom.element(0x00081155, "UI", uid)
    if frames:
        return sequence(0x00209172, [item])
    return dicom.element(0x00209172, "SQ", b"\xfe\xff\0\xe0" + len(item).to_bytes(4, "little") + item)


def in_order(data):
    """The elements of @data in order of tag; all their lengths are known."""
    elements, at = [], 0
    while at < len(data):
        tag = int.from_bytes(data[at:at + 2], "little") << 16 | int.from_bytes(data[at + 2:at + 4], "little")
        long_vr = data[at + 4:at + 6].decode() in dicom.LONG_VRS
        n = 12 + int.from_bytes(data[at + 8:at + 12], "little") if long_vr else \
            8 + int.from_bytes(data[at + 6:at + 8], "little")
        elements.append((tag, data[at:at + n]))
        at += n
    return b"".join(e for _, e in sorted(elements))


def converted(study, uid, sources):
    """A legacy converted image whose frame n was made of source n."""
    created = dicom.element(0x00080012, "DA", "20260314") + dicom.element(0x00080013, "TM", "024502") + \
        dicom.element(0x00080201, "SH", "+0100") + dicom.element(0x00080070, "LO", "ACME")
    return in_order(dicom.ct_header(study, f"{study}.1", uid, sop_class=LEGACY_CT) + created) + \
        sequence(0x52009230, (conversion(source, True) for source in sources)) + \
        dicom.element(0x7FE00010, "OW", b"\0" * 64)


def sourced(study, uid, source):
    """A slice that names at its top level what it was made of."""
    return in_order(dicom.ct(study, f"{study}.2", uid) + conversion(source))


def store(association, sop_class, uid, data):
    answer = association.c_store(sop_class, uid, dicom.EXPLICIT, data)
    assert answer[0x0900] == 0, answer


def connect(isthmus):
    return dicom.Association(isthmus.address, isthmus.aet,
                             [(c, [dicom.EXPLICIT]) for c in (dicom.CT_IMAGE, LEGACY_CT, INVENTORY)],
                             timeout=300)


def bundle_of(target, study):
    """The file of the study; the directory sink names it by the id of the ImagingStudy."""
    return target / f"{uuid.uuid5(uuid.NAMESPACE_OID, study)}.json"


def provenance_of(path):
    found = [e["resource"] for e in json.loads(path.read_text())["entry"]
             if e["resource"]["resourceType"] == "Provenance"]
    return found[0] if found else None


def two_releases(isthmus):
    """The first target's release is R5, the second's R4."""
    isthmus.publish_r4_to_the_last()
    isthmus.restart("isthmus-fhir")


def settled(isthmus):
    return wait_until(lambda: isthmus.sql("select count(*) from isthmus.outbox") == [["0"]],
                      what="the end of publishing")


def check_orders(isthmus, targets):
    """A converted image, its two sources in another study, and a slice made of the image: every
    order of arrival ends in the same index, tree and Bundles. Each order has UIDs of its own."""
    seen = set()
    association = connect(isthmus)
    for n, order in enumerate(itertools.permutations(range(4))):
        base = f"1.3.{n + 1}"
        things = [(LEGACY_CT, f"{base}.9", converted(f"{base}.100", f"{base}.9",
                                                     [f"{base}.1", f"{base}.2", f"{base}.1"])),
                  (dicom.CT_IMAGE, f"{base}.1", dicom.ct(f"{base}.200", f"{base}.201", f"{base}.1")),
                  (dicom.CT_IMAGE, f"{base}.2", dicom.ct(f"{base}.200", f"{base}.201", f"{base}.2")),
                  (dicom.CT_IMAGE, f"{base}.3", sourced(f"{base}.100", f"{base}.3", f"{base}.9"))]
        for i in order:
            store(association, *things[i])
        settled(isthmus)
        tree = isthmus.tool("provenance", f"{base}.9").stdout
        dot = isthmus.tool("provenance", f"{base}.9", "--dot").stdout
        references = isthmus.tool("provenance", f"{base}.9", "--json").stdout
        provenances = [json.dumps(provenance_of(bundle_of(t, f"{base}.100"))) for t in targets]
        none = [provenance_of(bundle_of(t, f"{base}.200")) for t in targets]
        assert none == [None, None], none
        for provenance in provenances:
            found = json.loads(provenance)
            assert found["recorded"] == "2026-03-14T02:45:02+01:00", found
            assert [e["what"]["identifier"]["value"] for e in found["entity"]] == \
                [f"urn:oid:{base}.{k}" for k in (1, 2, 9)], found
        seen.add(re.sub(rf"\b{re.escape(base)}\.", "1.3.0.", tree + dot + references))
    association.release()
    assert len(seen) == 1, seen
    text = seen.pop()
    for line in ("refers to:\n  conversion 1.3.0.1, frames 1,3, study 1.3.0.200\n"
                 "  conversion 1.3.0.2, frames 2, study 1.3.0.200\n",
                 "referred to by:\n  conversion 1.3.0.3\n", '"1.3.0.1" -> "1.3.0.9" [label="conversion 1,3"]'):
        assert line in text, text


def check_cycle(isthmus):
    association = connect(isthmus)
    for a, b in (("1.4.1", "1.4.2"), ("1.4.2", "1.4.1")):
        store(association, dicom.CT_IMAGE, a, sourced("1.4", a, b))
    store(association, dicom.CT_IMAGE, "1.4.3", sourced("1.4", "1.4.3", "1.4.4"))
    association.release()
    tree = isthmus.tool("provenance", "1.4.1").stdout
    assert tree == ("1.4.1  study 1.4\nrefers to:\n  conversion 1.4.2\n    conversion 1.4.1  (cycle)\n"
                    "referred to by:\n  conversion 1.4.2\n    conversion 1.4.1  (cycle)\n"), tree
    edges = json.loads(isthmus.tool("provenance", "1.4.1", "--json").stdout)["references"]
    assert sorted((e["from"], e["to"]) for e in edges) == [("1.4.1", "1.4.2"), ("1.4.2", "1.4.1")], edges
    assert "(not here)" in isthmus.tool("provenance", "1.4.3").stdout
    tree = isthmus.tool("provenance", "1.4.4").stdout
    assert tree == "1.4.4  (not here)\nrefers to: nothing\nreferred to by:\n  conversion 1.4.3, study 1.4\n", tree
    for code, arguments in ((1, ["1.4.5"]), (2, []), (2, ["1.4.1", "1.4.2"]), (2, ["1.4.1", "--dot", "--json"]),
                            (2, ["--dot"])):
        done = isthmus.tool("provenance", *arguments, check=False)
        assert done.returncode == code and done.stderr, (arguments, done)


def check_deep(isthmus):
    """What is reached twice is printed once; a long chain ends somewhere, but not in JSON."""
    association = connect(isthmus)
    store(association, LEGACY_CT, "1.8.1", converted("1.8", "1.8.1", ["1.8.2", "1.8.3"]))
    for a, b in (("1.8.2", "1.8.3"), ("1.8.3", "1.8.4"), *((f"1.7.{n}", f"1.7.{n + 1}") for n in range(70))):
        store(association, dicom.CT_IMAGE, a, sourced(a[:3], a, b))
    association.release()
    assert isthmus.tool("provenance", "1.8.1").stdout == (
        "1.8.1  study 1.8\nrefers to:\n  conversion 1.8.2, frames 1\n    conversion 1.8.3\n"
        "      conversion 1.8.4  (not here)\n  conversion 1.8.3, frames 2  (see above)\nreferred to by: nothing\n")
    lines = isthmus.tool("provenance", "1.7.0").stdout.splitlines()
    assert len(lines) == 67 and lines[-2].endswith("1.7.64  (goes on)"), lines[-3:]
    assert len(json.loads(isthmus.tool("provenance", "1.7.0", "--json").stdout)["references"]) == 70


def check_many(isthmus, targets):
    """One instance of @FRAMES frames of @FRAMES sources."""
    study, uid = "1.5", "1.5.9"
    sources = [f"2.25.{10 ** 30 + n}" for n in range(FRAMES)]
    association = connect(isthmus)
    store(association, dicom.CT_IMAGE, "1.5.1", dicom.ct("1.5", "1.5.2", "1.5.1"))
    data, before, began = converted(study, uid, sources), isthmus.peak_mib(), time.monotonic()
    store(association, LEGACY_CT, uid, data)
    took, after = time.monotonic() - began, isthmus.peak_mib()
    association.release()
    print(f"{FRAMES} sources, {len(data) >> 20} MiB: {took:.2f} s, peak {before:.1f} MiB before, "
          f"{after:.1f} MiB after", flush=True)
    if ABSOLUTE:
        assert took < 2 and after < 40, (took, after)
    else:
        assert after - before < 32, f"a worker grew by {after - before:.1f} MiB"
    count = "select count(*), count(distinct r.sop_instance_uid), bool_and(frames::integer = " \
        "right(r.sop_instance_uid, 12)::bigint + 1) from isthmus.reference r " \
        f"join isthmus.instance i using (instance_key) where i.sop_instance_uid = '{uid}'"
    assert isthmus.sql(count) == [[str(FRAMES), str(FRAMES), "t"]], isthmus.sql(count)
    listed = json.loads(isthmus.tool("provenance", uid, "--json").stdout)["references"]
    assert sorted(e["to"] for e in listed) == sorted(sources)
    settled(isthmus)
    for target in targets:
        path = bundle_of(target, study)
        found = provenance_of(path)
        if FRAMES > 2000:
            assert found["entity"] == [{"role": "source", "what": {"display": f"{FRAMES} DICOM instances"}}], found
        assert path.stat().st_size < 64 << 10 or FRAMES <= 2000, path.stat().st_size


def check_reindex(isthmus):
    """The index that is made of the files alone has the same references."""
    digest = "select md5(string_agg(concat_ws(' ', i.sop_instance_uid, r.sop_instance_uid, r.kind, " \
        "r.purpose, r.frames, r.other_frames), ';' order by i.sop_instance_uid, r.sop_instance_uid, " \
        "r.kind)), count(*) from isthmus.reference r join isthmus.instance i using (instance_key)"
    flagged = "select string_agg(study_instance_uid, ' ' order by study_instance_uid) " \
        "from isthmus.study where has_conversion"
    before = isthmus.sql(digest), isthmus.sql(flagged)
    assert int(before[0][0][1]) > FRAMES, before
    isthmus.sql("truncate isthmus.patient, isthmus.instance cascade")
    assert isthmus.sql(digest) != before[0]
    isthmus.tool("reindex")
    assert (isthmus.sql(digest), isthmus.sql(flagged)) == before


def check_republishing(isthmus, targets):
    """The same bytes again."""
    paths = [bundle_of(t, "1.3.1.100") for t in targets]
    before = [p.read_text() for p in paths]
    for p in paths:
        p.unlink()
    isthmus.tool("publish", "replay", "1.3.1.100")
    wait_until(lambda: all(p.exists() for p in paths), what="the repeated publication")
    assert [p.read_text() for p in paths] == before


def check_access(isthmus, targets):
    text = isthmus.tool("access", "1.4.1").stdout
    item = json.loads(isthmus.tool("access", "1.4.1", "--json").stdout)["0008041A"]["Value"][0]
    blob, = isthmus.sql("select blob from isthmus.instance where sop_instance_uid = '1.4.1'")[0]
    path = isthmus.stored_path(blob).resolve()
    assert item == {"00080409": {"vr": "UR", "Value": [path.as_uri()]},
                    "0008040A": {"vr": "CS", "Value": ["INDIVIDUAL"]},
                    "0008040E": {"vr": "UI", "Value": [dicom.EXPLICIT]}}, item
    assert text == (f"File Access URI: {path.as_uri()}\nContainer File Type: INDIVIDUAL\n"
                    f"Stored Instance Transfer Syntax UID: {dicom.EXPLICIT}\n"), text
    meta, _ = dicom.part10(path)
    assert meta[0x10] == dicom.EXPLICIT and meta[3] == "1.4.1", meta
    for code, arguments in ((1, ["9.9"]), (2, []), (2, ["1", "2"])):
        done = isthmus.tool("access", *arguments, check=False)
        assert done.returncode == code and done.stderr, (arguments, done)
    aside = path.with_suffix(".aside")
    path.rename(aside)
    done = isthmus.tool("access", "1.4.1", check=False)
    aside.rename(path)
    assert done.returncode == 1 and "missing" in done.stderr and path.as_uri() in done.stdout, done
    for target in targets:
        for published in target.glob("*.json"):
            assert "file:" not in published.read_text() and "/objects/" not in published.read_text()


def check_inventory(isthmus):
    """An object without patient and study, like others; its own File Access items are not ours."""
    data = dicom.element(0x00080005, "CS", "ISO_IR 192") + dicom.element(0x00080016, "UI", INVENTORY) + \
        dicom.element(0x00080018, "UI", "1.6.1") + dicom.element(0x00080023, "DA", "20260301") + \
        dicom.element(0x00080033, "TM", "0101") + dicom.element(0x00080403, "CS", "STUDY")
    in_study = in_order(dicom.ct_header("1.6", "1.6.10", "1.6.2", sop_class=INVENTORY, modality="OT") +
                        dicom.element(0x00080403, "CS", "STUDY"))
    association = connect(isthmus)
    store(association, INVENTORY, "1.6.1", data)
    store(association, INVENTORY, "1.6.2", in_study)
    association.release()
    stored = isthmus.sql("select sop_instance_uid, sop_class_uid, blob from isthmus.instance "
                         "where sop_instance_uid like '1.6.%' order by 1")
    assert [(u, c) for u, c, _ in stored] == [("1.6.1", INVENTORY), ("1.6.2", INVENTORY)], stored
    assert dicom.part10(isthmus.stored_path(stored[0][2]))[1] == data, "not bit for bit"
    assert isthmus.tool("access", "1.6.1").stdout.startswith("File Access URI: file://")
    query = q.Query(isthmus)
    (found,), last = query.find("IMAGE", t0020000D=("UI", "1.6"), t0020000E=("UI", "1.6.10"),
                                t00080016=("UI", INVENTORY), t00080018=("UI", ""))
    assert last[0x0900] == 0 and found[0x00080018] == b"1.6.2", found
    query.release()


def check_corpus(targets):
    """The converted files of a collection, if there is one: the same in every order."""
    files = [e for e in entries() if "conversion_source" in e["file"]] if CORPUS else []
    seen = set()
    for order in itertools.permutations(files) if files else ():
        with Isthmus(fhir=targets) as isthmus:
            two_releases(isthmus)
            for entry in order:
                assert send(isthmus, entry)[0] == 0, entry
            settled(isthmus)
            trees = [isthmus.tool("provenance", e["sop_instance_uid"]).stdout for e in files]
            published = []
            for study in sorted({e["study_instance_uid"] for e in files}):
                for path in (bundle_of(t, study) for t in targets):
                    assert provenance_of(path)["entity"], path
                    published.append(re.sub(r'"recorded": "[^"]*"', "", path.read_text()))
                    path.unlink()
            seen.add(json.dumps([trees, published]))
    assert len(seen) == (1 if files else 0), "\n".join(seen)
    print(f"{len(files)} files of the collection in every order", flush=True)


def check_dot(isthmus):
    """What Graphviz says of it, where it is installed."""
    if shutil.which("dot"):
        subprocess.run(["dot", "-Tcanon"], input=isthmus.tool("provenance", "1.3.1.9", "--dot").stdout,
                       text=True, check=True, stdout=subprocess.DEVNULL)


with tempfile.TemporaryDirectory() as scratch:
    Path(scratch).chmod(0o755)
    targets = [Path(scratch) / release for release in ("R5", "R4")]
    with Isthmus(fhir=targets) as isthmus:
        two_releases(isthmus)
        check_orders(isthmus, targets)
        check_cycle(isthmus)
        check_deep(isthmus)
        check_dot(isthmus)
        check_many(isthmus, targets)
        check_republishing(isthmus, targets)
        check_access(isthmus, targets)
        check_inventory(isthmus)
        check_reindex(isthmus)
    check_corpus(targets)
