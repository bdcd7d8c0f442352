#!/usr/bin/env python3
"""Silent, slow and half-finished clients do not keep a well-behaved one waiting."""
# fault
# alone
import socket
import struct
import time

import dicom_raw as dicom
from harness import LIMIT_S, Isthmus, wait_until

IDLE = 300
SILENT_S = 3600  # so long they may be silent: who had to wait for one would not be answered in time


def silent(address, first_bytes=b""):
    s = socket.create_connection(address, LIMIT_S)
    if first_bytes:
        s.sendall(first_bytes)
    return s


def stuck_in_a_data_set(isthmus):
    """An association that stops in the middle of a P-DATA-TF PDU."""
    a = dicom.Association(isthmus.address, isthmus.aet, [(dicom.CT_IMAGE, [dicom.EXPLICIT])])
    fields = {0x0002: dicom.CT_IMAGE, 0x0100: 1, 0x0110: 1, 0x0700: 0, 0x1000: "2.25.99"}
    a.send_pdv(1, 3, dicom.command(fields, True))
    a.socket.sendall(struct.pack(">BBIIBB", 4, 0, 60000, 59996, 1, 0) + b"\0" * 1000)
    return a


def echo_in_time(isthmus, what):
    began = time.monotonic()
    for _ in range(5):
        assert dicom.echo(isthmus.address, isthmus.aet) == 0
    print(f"{(time.monotonic() - began) / 5 * 1000:.1f} ms for a C-ECHO with {what}", flush=True)
    return True


def closed_by_peer(s):
    s.settimeout(0)
    try:
        return s.recv(4096) == b""
    except BlockingIOError:
        return False
    except ConnectionResetError:
        return True


def in_time(made, *arguments):
    """What @made makes; again, if we were so slow that it was ended before it was made."""
    def attempt():
        try:
            return made(*arguments)
        except (BrokenPipeError, ConnectionResetError, dicom.Refused):
            return None

    return wait_until(attempt, what=f"time for {made.__name__}")


def drip(sockets, whole):
    """All but the last byte of @whole to each, one at a time."""
    for n in range(len(whole) - 1):
        for s in sockets:
            s.sendall(whole[n:n + 1])
        yield n


def ended_while_it_drips(s, whole, what):
    """A limit is of the whole, not between two bytes: 20 ms after each other they are never late."""
    bytes_left = iter(whole)

    def one_more():
        try:
            s.settimeout(LIMIT_S)
            s.send(bytes([next(bytes_left)]))
        except (BrokenPipeError, ConnectionResetError):
            return True
        return closed_by_peer(s)

    wait_until(one_more, what=f"the end of {what} that comes byte by byte")
    assert next(bytes_left, None) is not None, f"{what} came whole before it was ended"


def associate(isthmus, contexts):
    """As soon as there is room: the worker of an association that is over is not told free yet."""
    def accepted():
        try:
            return dicom.Association(isthmus.address, isthmus.aet, contexts)
        except dicom.Refused as e:
            assert str(e).endswith("PDU 3: 00020302"), e
            return None

    return wait_until(accepted, what="room for an association")


def no_worker_left(isthmus):
    """The third is rejected: transient, local limit exceeded (PS3.8 9.3.4); with one less there is room."""
    isthmus.configure("scp", artim_timeout=30, pdu_timeout=60, idle_timeout=600, workers_min=1, workers_max=2)
    isthmus.restart("isthmus-scp")
    contexts = [(dicom.VERIFICATION, [dicom.IMPLICIT])]
    held = [associate(isthmus, contexts) for _ in range(2)]
    try:
        dicom.Association(isthmus.address, isthmus.aet, contexts)
        raise AssertionError("two workers serve three associations")
    except dicom.Refused as e:
        assert str(e).endswith("PDU 3: 00020302"), e
    assert [a.c_echo() for a in held] == [0, 0]
    held.pop().release()
    held.append(associate(isthmus, contexts))
    for a in held:
        a.release()


def first_byte_of_answer(isthmus, source):
    with socket.create_connection(isthmus.address, LIMIT_S, (source, 0)) as s:
        s.sendall(dicom.associate_rq(isthmus.aet, "OTHER", [(dicom.VERIFICATION, [dicom.IMPLICIT])]))
        return s.recv(1)


def limits_of_one_peer(isthmus):
    """One address does not take all workers, and nobody one of them for ever, however busy."""
    contexts = [(dicom.VERIFICATION, [dicom.IMPLICIT])]
    isthmus.configure("scp", workers_max=5, associations_per_address=1)
    isthmus.restart("isthmus-scp")
    only = associate(isthmus, contexts)
    assert first_byte_of_answer(isthmus, "127.0.0.1") == b"\3", "a second association of one address"
    assert first_byte_of_answer(isthmus, "127.0.0.2") == b"\2", "another address"
    only.close()
    isthmus.configure("scp", association_timeout=1)
    isthmus.restart("isthmus-scp")
    busy = associate(isthmus, contexts)

    def ended():
        try:
            return busy.c_echo() != 0
        except (dicom.Refused, OSError):
            return True

    wait_until(ended, what="the end of an association that is never silent")
    busy.close()


with Isthmus() as isthmus:
    isthmus.configure("scp", artim_timeout=SILENT_S, pdu_timeout=SILENT_S, idle_timeout=SILENT_S, workers_max=15)
    isthmus.restart("isthmus-scp")
    request = dicom.associate_rq(isthmus.aet, "SLOW", [(dicom.CT_IMAGE, [dicom.EXPLICIT])])
    waiting = [silent(isthmus.address, request[:n]) for n in (1, 5, 6, 30, len(request) - 1)]
    echo_in_time(isthmus, "half an A-ASSOCIATE-RQ")
    stuck = [stuck_in_a_data_set(isthmus) for _ in range(5)]
    echo_in_time(isthmus, "half a data set")
    dripping = [silent(isthmus.address) for _ in range(20)]
    for n in drip(dripping, request):
        if n % 40 == 0:
            echo_in_time(isthmus, "requests byte by byte")
    waiting += dripping
    waiting += [silent(isthmus.address) for _ in range(IDLE)]
    echo_in_time(isthmus, f"{IDLE} idle connections")
    for s in waiting:
        s.close()
    for a in stuck:
        a.close()

    isthmus.configure("scp", artim_timeout=1, pdu_timeout=1, idle_timeout=1, workers_max=400)
    isthmus.restart("isthmus-scp")
    ended = [silent(isthmus.address), in_time(silent, isthmus.address, request[:30]),
             in_time(stuck_in_a_data_set, isthmus).socket,
             in_time(dicom.Association, isthmus.address, isthmus.aet,
                     [(dicom.VERIFICATION, [dicom.IMPLICIT])]).socket]
    for n, s in enumerate(ended):
        wait_until(lambda: closed_by_peer(s), what=f"the end of connection {n} by time-out")
    long_request = dicom.associate_rq(isthmus.aet, "SLOW", [(dicom.CT_IMAGE, [dicom.EXPLICIT])] * 100)
    ended_while_it_drips(silent(isthmus.address), long_request, "a request")
    ended_while_it_drips(in_time(stuck_in_a_data_set, isthmus).socket, b"\0" * 50000, "a PDU")
    in_time(echo_in_time, isthmus, "time-outs behind it")
    no_worker_left(isthmus)
    limits_of_one_peer(isthmus)
    assert isthmus.sql("select count(*) from isthmus.instance") == [["0"]]
