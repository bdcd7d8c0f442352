#!/usr/bin/env python3
"""Files and media from elsewhere: each is stored as if it had been sent, or it is said why not."""
# fault
import contextlib
import hashlib
import json
import os
import re
import shutil
import signal
import struct
import subprocess

import dicom_raw as dicom
from corpus import CORPUS, entries
from harness import Isthmus, children, damage, wait_until

DICOMDIR = "1.2.840.10008.1.3.10"
MEDIUM = ("IMAGES", "CT0001"), ("IMAGES", "CT0002"), ("GONE", "CT0009")


def meta(sop_class, instance, syntax, source="FAR_PACS"):
    """The file meta group with its length and a preamble."""
    body = dicom.element(0x00020001, "OB", b"\0\1") + dicom.element(0x00020002, "UI", sop_class) + \
        dicom.element(0x00020003, "UI", instance)
    if syntax:
        body += dicom.element(0x00020010, "UI", syntax)
    body += dicom.element(0x00020012, "UI", "2.25.7") + dicom.element(0x00020016, "AE", source)
    return b"\0" * 128 + b"DICM" + dicom.element(0x00020000, "UL", len(body)) + body


def slice_(n, **text):
    return dicom.ct("2.25.500", "2.25.500.1", f"2.25.500.1.{n}", n, **text)


def record(*components):
    body = dicom.element(0x00041410, "US", 0xFFFF) + dicom.element(0x00041430, "CS", "IMAGE") + \
        dicom.element(0x00041500, "CS", "\\".join(components))
    return struct.pack("<HHI", 0xFFFE, 0xE000, len(body)) + body


def dicomdir():
    items = b"".join(record(*m) for m in MEDIUM)
    return meta(DICOMDIR, "2.25.8", dicom.EXPLICIT) + dicom.element(0x00041130, "CS", "DISC") + \
        dicom.element(0x00041220, "SQ", items)


def implicit(data):
    """An Explicit VR data set without sequences, in Implicit VR."""
    out, at = b"", 0
    while at < len(data):
        long = data[at + 4:at + 6].decode() in dicom.LONG_VRS
        n = struct.unpack_from("<I" if long else "<H", data, at + (8 if long else 6))[0]
        head = 12 if long else 8
        out += data[at:at + 4] + struct.pack("<I", n) + data[at + head:at + head + n]
        at += head + n
    return out


def make_files(top):
    """{name: data set} of what is to be stored, {name: word in the reason} of what is not."""
    stored = {"part10": slice_(1), "deep/er/unpadded name é.dcm": slice_(2), "no_preamble": slice_(3),
              "no_meta": slice_(4), "no_meta_implicit": implicit(slice_(5)), "no_syntax": slice_(6),
              "other_meta": slice_(7), "medium/images/ct0001": slice_(8),
              "medium/images/ct0002": slice_(9)}
    heads = {"no_preamble": meta(dicom.CT_IMAGE, "2.25.1", dicom.EXPLICIT)[132:], "no_meta": b"",
             "no_meta_implicit": b"", "no_syntax": meta(dicom.CT_IMAGE, "2.25.1", None),
             "other_meta": meta("1.2.3", "2.25.666", dicom.EXPLICIT)}
    usual = meta(dicom.CT_IMAGE, "2.25.1", dicom.EXPLICIT)
    others = {"zz_no_uid": usual + slice_(1).replace(b"\x08\0\x18\0UI", b"\x08\0\x17\0UI"),
              "zz_broken": usual + slice_(1)[:20] + b"\xfe\xff\x00\xe0\0\0\0\0" + slice_(1)[20:],
              "zz_cut_meta": usual[:170], "zz_text.txt": b"the quick brown fox", "zz_empty": b"",
              "zz_picture.png": b"\x89PNG\r\n" + b"\0" * 300, "medium/DICOMDIR": dicomdir(),
              "zz_part": (b"isthmus sealed %016x %032x\n" % (0, 0)).ljust(128, b"\0") + usual[128:] + slice_(1)}
    for name, data in {**{n: heads.get(n, usual) + d for n, d in stored.items()}, **others}.items():
        path = top / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    (top / "zz_link").symlink_to(top / "part10")
    (top / "zz_loop").symlink_to(top)
    os.mkfifo(top / "zz_fifo")
    why = {"zz_no_uid": ("refused", "SOP Instance UID"), "zz_broken": ("refused", "header"),
           "zz_cut_meta": ("refused", "file meta"), "zz_text.txt": ("skipped", "not a DICOM file"),
           "zz_part": ("refused", "not all of what was received"),
           "zz_empty": ("skipped", "not a DICOM file"), "zz_picture.png": ("skipped", "not a DICOM"),
           "medium/DICOMDIR": ("skipped", "DICOMDIR"), "zz_link": ("skipped", "symbolic link"),
           "zz_loop": ("skipped", "symbolic link"), "zz_fifo": ("skipped", "not a regular file"),
           "medium/GONE/CT0009": ("refused", "not there")}
    return stored, why


def data_sets(isthmus):
    """{SOP Instance UID: digest of the data set in its file}."""
    return {uid: hashlib.sha256(dicom.part10(isthmus.stored_path(blob))[1]).digest() for uid, blob in
            isthmus.sql("select sop_instance_uid, blob from isthmus.instance")}


def check_kinds(isthmus, top):
    stored, why = make_files(top)
    done = isthmus.owner_tool("import", "--json", top, check=False)
    assert done.returncode == 1 and "\r" not in done.stderr, done
    result = json.loads(done.stdout)
    said = {os.path.relpath(p["file"], top): (p["result"], p["why"]) for p in result["problems"]}
    assert said.keys() == why.keys(), said.keys() ^ why.keys()
    for name, (kind, words) in why.items():
        assert said[name][0] == kind and words in said[name][1], (name, said[name])
    assert (result["stored"], result["refused"], result["skipped"]) == (len(stored), 5, 7), result
    kept = data_sets(isthmus)
    for n, (name, data) in enumerate(stored.items(), 1):
        assert kept[f"2.25.500.1.{n}"] == hashlib.sha256(data).digest(), name
    syntaxes = isthmus.sql("select sop_instance_uid from isthmus.instance where "
                           f"transfer_syntax_uid = '{dicom.IMPLICIT}'")
    assert syntaxes == [["2.25.500.1.5"]], syntaxes
    titles = isthmus.sql("select coalesce(calling_ae_title, '-'), count(*) from isthmus.instance "
                         "group by 1 order by 1")
    assert titles == [["-", "2"], ["FAR_PACS", "7"]], titles
    wait_until(lambda: isthmus.imaging_studies().get("2.25.500", {}).get("numberOfInstances") == 9,
               what="the publication of what was imported")


def check_again(isthmus, top):
    """The same files are there already; one that was damaged in the store is repaired."""
    blob = isthmus.sql("select blob from isthmus.instance where sop_instance_uid = '2.25.500.1.1'")
    damage(isthmus.stored_path(blob[0][0]))
    files = set(isthmus.dir.rglob("store/objects/**/*.dcm"))
    # who looks into incoming/ between the seal of a file and its row repairs the other one first
    isthmus.kill(isthmus.pid("isthmus-scp"), signal.SIGTERM)
    done = isthmus.owner_tool("import", "--json", top, check=False)
    result = json.loads(done.stdout)
    assert (result["stored"], result["duplicate"], result["repaired"]) == (0, 8, 1), result
    now = set(isthmus.dir.rglob("store/objects/**/*.dcm"))
    assert (len(now - files), len(files - now)) == (1, 1), "the damaged file is set aside"
    assert list((isthmus.dir / "store/incoming").iterdir()) == []
    isthmus.start()


def check_dicomdir(isthmus, top):
    """As an argument it stands for the files it lists, and other bytes are a conflict."""
    head = meta(dicom.CT_IMAGE, "2.25.1", dicom.EXPLICIT)
    (top / "medium/images/ct0002").write_bytes(head + slice_(9, name="Other^Name"))
    done = isthmus.owner_tool("import", "--json", top / "medium/DICOMDIR", check=False)
    result = json.loads(done.stdout)
    assert (result["duplicate"], result["conflict"], result["refused"]) == (1, 1, 1), result
    text = isthmus.owner_tool("import", top / "medium/images").stdout
    assert "2 were there already" in text, text
    assert isthmus.sql("select count(*) from isthmus.conflict") == [["1"]]


def files_of_study(directory, study):
    """400 of them."""
    directory.mkdir()
    head = meta(dicom.CT_IMAGE, "2.25.1", dicom.EXPLICIT)
    for n in range(400):
        (directory / f"{n:04}").write_bytes(head + dicom.ct(study, f"{study}.1", f"{study}.1.{n}", n))
    return directory


@contextlib.contextmanager
def under_way(isthmus, statement):
    """It has been done, in a transaction that goes on."""
    with subprocess.Popen(["psql", "-XAtq", isthmus.db], stdin=subprocess.PIPE,
                          stdout=subprocess.PIPE, text=True) as other:
        other.stdin.write(f"begin; {statement}; select 'done';\n")
        other.stdin.flush()
        assert other.stdout.readline().strip() == "done"
        yield
        other.stdin.close()


def held(isthmus, sop_instance_uid):
    """Somebody is about to store this instance: who else would, waits."""
    return under_way(isthmus, f"""insert into isthmus.instance overriding system value
        select (jsonb_populate_record(i, '{{"instance_key": -1, "blob": -1,
            "sop_instance_uid": "{sop_instance_uid}"}}')).* from isthmus.instance i limit 1""")


def end_sessions_of_the_dead(isthmus):
    """One that waits for a lock does not notice, and would go on when it has it."""
    superuser = isthmus.db.replace("user=isthmus", "user=postgres")
    subprocess.run(["psql", "-XAtq", "-v", "ON_ERROR_STOP=1", superuser, "-c",
                    "select pg_terminate_backend(pid, 60000) from pg_stat_activity where wait_event_type = 'Lock'"],
                   check=True, stdout=subprocess.DEVNULL)


def check_stopped(isthmus, top):
    """Killed before it is done and run again, everything is there once."""
    many = files_of_study(top / "many", "2.25.600")
    (many / "last").write_bytes(meta(dicom.CT_IMAGE, "2.25.1", dicom.EXPLICIT)
                                + dicom.ct("2.25.602", "2.25.602.1", "2.25.602.1.1", 1))
    count = "select count(*) from isthmus.instance where sop_instance_uid like '2.25.60_.%'"
    # what the killed processes leave in incoming/ is the listener's to clear, but not yet
    isthmus.kill(isthmus.pid("isthmus-scp"), signal.SIGTERM)
    with held(isthmus, "2.25.602.1.1"):
        running = isthmus.owner_tool("import", many, start=True)
        wait_until(lambda: int(isthmus.sql(count)[0][0]) > 20, what="the first files")
        running.send_signal(signal.SIGKILL)
        running.communicate()
        end_sessions_of_the_dead(isthmus)
    assert running.returncode == -signal.SIGKILL
    result = json.loads(isthmus.owner_tool("import", "--json", "--jobs", 8, many).stdout)
    # what was not done: its file, if sealed, the listener may have indexed meanwhile
    assert result["stored"] + result["duplicate"] == 401 and result["duplicate"] > 20, result
    assert isthmus.sql(count) == [["401"]]
    isthmus.start()
    wait_until(lambda: not any((isthmus.dir / "store/incoming").iterdir()), what="an empty incoming/")


def crew_that_waits(isthmus, pid):
    """Its processes, when each of them is about to ask whether an instance is there."""
    waiting = isthmus.sql("select count(*) from pg_locks join pg_stat_activity using (pid) where not granted "
                          "and application_name = 'isthmus import'")
    crew = children(pid)
    return crew if crew and waiting == [[str(len(crew))]] else None


def check_process_killed(isthmus, top):
    """A process that dies over many files costs none of them: each is tried once more."""
    killed = files_of_study(top / "killed", "2.25.601")
    count = "select count(*) from isthmus.instance where sop_instance_uid like '2.25.601.%'"
    with under_way(isthmus, "lock table isthmus.instance"):
        running = isthmus.owner_tool("import", "--json", killed, start=True)
        pid = wait_until(lambda: crew_that_waits(isthmus, running.pid), what="the crew")[0]
        os.kill(pid, signal.SIGKILL)
    out, _ = running.communicate()
    result = json.loads(out)
    assert result["stored"] + result["duplicate"] == 400 and running.returncode == 0, result
    assert isthmus.sql(count) == [["400"]]
    isthmus.restart("isthmus-scp")
    wait_until(lambda: not any((isthmus.dir / "store/incoming").iterdir()), what="an empty incoming/")


def check_progress(isthmus, top):
    """On a terminal a bar, of what there is to read; it is wiped in the end."""
    shown = isthmus.on_terminal("import", top / "killed")
    total = sum(path.stat().st_size for path in (top / "killed").iterdir())
    bars = re.findall(r"import \[(#*)\.*\] +(\d+) %  (\S+) ([KM])iB  \S+ \S+/s", shown)
    assert bars and bars == sorted(bars, key=lambda bar: int(bar[1])) and shown.endswith("\r\033[K"), shown
    for bar, percent, done, unit in bars:
        part = float(done) * (1024 if unit == "K" else 1048576) / total
        assert abs(int(percent) / 100 - part) < 0.03 and abs(len(bar) / 30 - part) < 0.06, shown


def check_collection(isthmus, top):
    """Every valid file of the collection is kept byte for byte; what is refused is malformed."""
    shutil.copytree(CORPUS, top)
    done = isthmus.owner_tool("import", "--json", top, check=False)
    result = json.loads(done.stdout)
    kept = {hashlib.sha256(dicom.part10(p)[1]).digest()
            for p in (isthmus.dir / "store/objects").rglob("*.dcm")}
    classes = {entry["file"]: entry["class"] for entry in entries()}
    for name, kind in classes.items():
        if kind == "valid":
            assert hashlib.sha256(dicom.part10(top / name)[1]).digest() in kept, name
    said = {os.path.relpath(p["file"], top): (p["result"], p["why"]) for p in result["problems"]}
    lost = [n for n, (kind, _) in said.items() if kind in ("refused", "skipped")
            and classes.get(n) == "valid"]
    assert not lost, lost
    print({k: v for k, v in result.items() if k != "problems"})
    for name, (kind, why) in said.items():
        if kind != "conflict":
            print(name, kind, why)


def check_refused_runs(isthmus, top):
    if os.geteuid() == 0:
        done = isthmus.tool("import", str(top), check=False)
        assert done.returncode == 3 and "belongs to" in done.stderr, done
    assert isthmus.owner_tool("import", check=False).returncode == 2
    assert isthmus.owner_tool("import", "--jobs", "0", top, check=False).returncode == 2
    done = isthmus.owner_tool("import", top / "nothing here", check=False)
    assert done.returncode == 1 and "No such file" in done.stdout, done


with Isthmus() as isthmus:
    top = isthmus.scratch / "files"
    top.mkdir(mode=0o755)
    check_kinds(isthmus, top)
    check_again(isthmus, top)
    check_dicomdir(isthmus, top)
    check_stopped(isthmus, top)
    check_process_killed(isthmus, top)
    check_progress(isthmus, top)
    check_refused_runs(isthmus, top)
    if CORPUS:
        check_collection(isthmus, isthmus.scratch / "collection")
    assert len(list(isthmus.dir.rglob("store/objects/**/*.damaged"))) == 1
    isthmus.tool("verify")
