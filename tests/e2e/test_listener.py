#!/usr/bin/env python3
"""isthmus-scp around the C-STORE: the database away, a full disk, signals, who may call, systemd."""
# fault
import os
import re
import signal
import socket
import subprocess
import threading

import dicom_raw as dicom
from harness import LIMIT_S, PROGRAMS, Isthmus, alive, children, wait_until

STUDY = "2.25.900"
CT = [(dicom.CT_IMAGE, [dicom.EXPLICIT])]


def associate(isthmus, calling="RAW", called=None, address=None):
    return dicom.Association(address or isthmus.address, called or isthmus.aet, CT, calling=calling)


def store(association, number):
    uid = f"{STUDY}.{number}"
    return association.c_store(dicom.CT_IMAGE, uid, dicom.EXPLICIT,
                               dicom.ct(STUDY, f"{STUDY}.0", uid, number))


def stored(isthmus):
    return {int(uid.rsplit(".", 1)[1]) for uid, in
            isthmus.sql("select sop_instance_uid from isthmus.instance")}


def stop_database(isthmus):
    """As an administrator does; every process of it is gone."""
    isthmus.kill(isthmus.postmaster(), signal.SIGINT)


def away_and_spooled(isthmus):
    a = associate(isthmus)
    assert store(a, 1)[0x0900] == 0
    stop_database(isthmus)
    for n in (2, 3):
        assert store(a, n)[0x0900] == 0, "not spooled while the database is away"
    b = associate(isthmus)
    assert store(b, 4)[0x0900] == 0
    isthmus.kill(isthmus.pid("isthmus-scp"))
    isthmus.start()
    wait_until(lambda: stored(isthmus) == {1, 2, 3, 4}, what="the rows of what was spooled")
    wait_until(lambda: isthmus.imaging_studies().get(STUDY, {}).get("numberOfInstances") == 4,
               what="the whole ImagingStudy")
    isthmus.tool("verify")


def away_and_refused(isthmus):
    isthmus.configure("scp", when_database_down='"refuse"')
    os.kill(isthmus.pid("isthmus-scp"), signal.SIGHUP)
    wait_until(lambda: "configuration read again" in isthmus.logs(), what="the new configuration")
    stop_database(isthmus)
    answer = store(associate(isthmus), 5)
    assert answer[0x0900] == 0xA700, answer
    assert answer.get(0x0902), "no Error Comment"
    isthmus.start()
    again = associate(isthmus)
    wait_until(lambda: store(again, 5)[0x0900] == 0, what="a worker that asks the database again")
    assert 5 in stored(isthmus)


def no_space(isthmus):
    isthmus.configure("store", reserve_mib=1 << 39)
    isthmus.restart("isthmus-scp")
    answer = store(associate(isthmus), 6)
    assert answer[0x0900] == 0xA700, answer
    assert 0 < len(answer[0x0902]) <= 64, answer
    assert 6 not in stored(isthmus)
    isthmus.configure("store", reserve_mib=0)
    isthmus.restart("isthmus-scp")


def who_may_call(isthmus):
    isthmus.configure("scp", calling_ae_titles='{"CT1"}', called_ae_titles='{"ISTHMUS"}')
    isthmus.restart("isthmus-scp")
    associate(isthmus, calling="CT1").release()
    for calling, called, reason in (("CT2", None, 3), ("CT1", "OTHER", 7)):
        try:
            associate(isthmus, calling=calling, called=called)
        except dicom.Refused as e:
            assert str(e) == f"the answer to A-ASSOCIATE-RQ is PDU 3: 000101{reason:02x}", e
        else:
            raise AssertionError(f"{calling} may call {called}")


def terminated_in_mid_store(isthmus):
    """SIGTERM lets a C-STORE come to its end, even if it takes its time, and then there is nobody."""
    isthmus.configure("scp", calling_ae_titles='{"any"}')
    isthmus.restart("isthmus-scp")
    pid = isthmus.pid("isthmus-scp")
    uid = f"{STUDY}.7"
    data = dicom.ct(STUDY, f"{STUDY}.0", uid, 7)
    a = associate(isthmus)

    def halves():
        yield data[:3000]
        idle = associate(isthmus)
        os.kill(pid, signal.SIGTERM)
        idle.socket.recv(1)  # that one is not waited for any longer
        wait_until(lambda: len(children(pid)) <= 1, what="the end of all others")
        yield data[3000:]

    a.max_pdu = 1000
    assert a.c_store(dicom.CT_IMAGE, uid, dicom.EXPLICIT, halves())[0x0900] == 0
    wait_until(lambda: not alive(pid), what="the end of isthmus-scp")
    assert 7 in stored(isthmus)
    try:
        associate(isthmus)
        raise AssertionError("somebody listens")
    except ConnectionRefusedError:
        pass


def refused_configurations(isthmus):
    path = isthmus.scratch / "bad.conf"
    for text, words in (("scp {\n    prot = 104\n}\n", ":2: "),
                        ("scp {\n    port = 99999\n}\n", "1 to 65535"),
                        ("scp {\n    port = high\n}\n", ":2: "),
                        ("\nscpp {\n}\n", ":2: "), ("scp {\n", "bad.conf:")):
        path.write_text(text)
        for arguments in (["--check"], []):
            done = subprocess.run([f"{PROGRAMS}/isthmus-scp", "--config", path, *arguments],
                                  text=True, capture_output=True, timeout=LIMIT_S, check=False)
            said = done.stdout + done.stderr
            assert done.returncode != 0 and words in said and "bad.conf" in said, (text, done)


def listen(ear, heard):
    """All the time, as systemd does: the socket holds a few messages, and then who sends waits."""
    while said := ear.recv(4096):
        heard += said.decode().split("\n")


def started_by_systemd(isthmus):
    """Sockets handed over, READY=1 and WATCHDOG=1 on the notification socket; IPv6."""
    notify = isthmus.scratch / "notify"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as ear, \
            socket.create_server(("::1", 0), family=socket.AF_INET6) as port:
        ear.bind(str(notify))
        scratch_conf = isthmus.scratch / "systemd.conf"
        text = re.sub(r"root = .*", f'root = "{isthmus.scratch}/store"',
                      (isthmus.dir / "isthmus.conf").read_text())
        scratch_conf.write_text(text)
        shell = f'exec env LISTEN_PID=$$ "{PROGRAMS}/isthmus-scp" --config "{scratch_conf}" ' \
            f"3<&{port.fileno()}"
        log = open(isthmus.scratch / "systemd.log", "w", encoding="utf-8")
        environment = {**os.environ, "LISTEN_FDS": "1", "NOTIFY_SOCKET": str(notify),
                       "WATCHDOG_USEC": "500000", "PGUSER": "isthmus-scp"}
        daemon = subprocess.Popen(["sh", "-c", shell], pass_fds=[port.fileno()], stdout=log,
                                  stderr=log, env=environment)
        heard = []
        threading.Thread(target=listen, args=(ear, heard), daemon=True).start()
        try:
            for word in ("READY=1", "WATCHDOG=1"):
                wait_until(lambda word=word: word in heard, what=word)
            assert dicom.echo(("::1", port.getsockname()[1]), isthmus.aet) == 0
            daemon.send_signal(signal.SIGTERM)
            assert daemon.wait(LIMIT_S) == 0
            wait_until(lambda: "STOPPING=1" in heard, what="STOPPING=1")
        finally:
            daemon.kill()
            daemon.wait()
            ear.shutdown(socket.SHUT_RD)


with Isthmus() as isthmus:
    away_and_spooled(isthmus)
    away_and_refused(isthmus)
    no_space(isthmus)
    who_may_call(isthmus)
    refused_configurations(isthmus)
    terminated_in_mid_store(isthmus)
    isthmus.start()
    started_by_systemd(isthmus)
