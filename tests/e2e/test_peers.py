#!/usr/bin/env python3
"""Peers that do what no peer should, one after the other: at most their association ends. The next one is
served, nothing of theirs is stored but what was acknowledged, and that bit for bit."""
# fault
# alone
import contextlib
import socket
import struct
from pathlib import Path

import dicom_raw as dicom
from harness import LIMIT_S, Isthmus, children, peak_mib, wait_until

CONNECTIONS = 2000
DEPTH = 50000
ITEMS = 1000000
PEAK_MIB = 200  # of a worker, whatever lengths are said
STORE = {0x0002: dicom.CT_IMAGE, 0x0100: 1, 0x0110: 1, 0x0700: 0, 0x1000: "2.25.1"}


def associate(isthmus, contexts=((dicom.CT_IMAGE, [dicom.EXPLICIT]), (dicom.VERIFICATION, [dicom.IMPLICIT]))):
    return dicom.Association(isthmus.address, isthmus.aet, list(contexts), calling="PEER")


def slice_of(number, more=b""):
    uid = f"1.2.7.{number}"
    header = dicom.ct_header("1.2.7", "1.2.7.0", uid, number)
    return uid, header + more + dicom.element(0x7FE00010, "OW", struct.pack("<H", number) * 64)


def ended(connection):
    """What is left to read of it, up to its end."""
    left = b""
    try:
        while piece := connection.recv(65536):
            left += piece
    except ConnectionResetError:
        pass
    return left


def check_ended(association):
    """By an A-ABORT or at once; never by an answer of Success."""
    left = ended(association.socket)
    association.close()
    assert left[:1] in (b"", b"\7"), left.hex()


def store(stored, association, number, more=b"", **how):
    uid, data = slice_of(number, more)
    assert association.c_store(dicom.CT_IMAGE, uid, dicom.EXPLICIT, data, **how)[0x0900] == 0
    stored[uid] = data


# --- what is legal, if odd: it is stored -----------------------------------------------------

def contexts_128(isthmus, stored):
    contexts = [(dicom.CT_IMAGE, [dicom.EXPLICIT])] * 128
    a = associate(isthmus, contexts)
    assert a.accepted[dicom.CT_IMAGE, dicom.EXPLICIT] == 255
    store(stored, a, 1, context=255)
    store(stored, a, 2, context=1)
    a.release()


def fragments_of_1_byte(isthmus, stored):
    uid, data = slice_of(3)
    a = associate(isthmus)
    for flags, whole in ((1, dicom.command({**STORE, 0x1000: uid}, True)), (0, data)):
        for n in range(len(whole)):
            a.send_pdv(1, flags | (2 if n + 1 == len(whole) else 0), whole[n:n + 1])
    assert a.read_response()[0x0900] == 0
    stored[uid] = data
    a.release()


def segments_of_1_byte(isthmus, stored):
    uid, data = slice_of(4)
    a = associate(isthmus)
    whole = b""
    for flags, part in ((3, dicom.command({**STORE, 0x1000: uid}, True)), (2, data)):
        whole += struct.pack(">BBIIBB", 4, 0, len(part) + 6, len(part) + 2, 1, flags) + part
    for n in range(len(whole)):
        a.socket.sendall(whole[n:n + 1])
    assert a.read_response()[0x0900] == 0
    stored[uid] = data
    a.release()


def items_by_the_million(isthmus, stored):
    """In a private sequence, an unknown one, one that is kept and one that is searched for references."""
    items = struct.pack("<HHI", 0xFFFE, 0xE000, 0) * ITEMS
    a = associate(isthmus)
    for number, (tag, vr) in enumerate(((0x00291010, "SQ"), (0x00291010, "UN"), (0x00400275, "SQ"),
                                        (0x52009229, "SQ")), 5):
        store(stored, a, number, dicom.element(tag, vr, items))
    a.release()


def command_without_a_class(isthmus, stored):
    """Some send nonsense there; the data set says it."""
    uid, data = slice_of(9)
    a = associate(isthmus)
    a.send_pdv(1, 3, dicom.command({n: v for n, v in STORE.items() if n != 0x0002}, True))
    a.send_data(1, data)
    assert a.read_response()[0x0900] == 0
    stored[uid] = data
    a.release()


def values_that_are_shorter_than_said(isthmus, stored):
    """It is all that came; what there is of the header says where it belongs, if it does."""
    a = associate(isthmus)
    for number, (tag, vr, length) in enumerate(((0x7FE00010, "OW", 0x7FFFFFFE), (0x7FE00010, "OW", 0xFFFFFFFF),
                                                (0x00400254, "LO", 65534), (0x00400275, "SQ", 0xFFFFFFFE),
                                                (0x00291010, "UN", 0xFFFFFFF0)), 20):
        uid = f"1.2.7.{number}"
        header = dicom.ct_header("1.2.7", "1.2.7.0", uid, number)
        lies = dicom.element(tag, vr, length=length) + b"1234"
        answer = a.c_store(dicom.CT_IMAGE, uid, dicom.EXPLICIT, header + lies)
        assert answer[0x0900] == 0, (number, answer)
        stored[uid] = header + lies
        answer = a.c_store(dicom.CT_IMAGE, uid, dicom.EXPLICIT, lies + header)
        assert answer[0x0900] in (0xA900, 0xC000), (number, answer)
    a.release()


# --- what is broken: it is answered with a failure, and the association goes on ------------------

def nested_deep(isthmus, _):
    """Of undefined length, so that each has to be followed; and of a defined one, in what is kept."""
    open_one = struct.pack("<HH2sHIHHI", 0x0029, 0x1010, b"SQ", 0, 0xFFFFFFFF, 0xFFFE, 0xE000, 0xFFFFFFFF)
    close_one = struct.pack("<HHIHHI", 0xFFFE, 0xE00D, 0, 0xFFFE, 0xE0DD, 0)
    defined = b"".join(struct.pack("<HH2sHIHHI", 0x0040, 0x0275, b"SQ", 0, n * 20 - 12, 0xFFFE, 0xE000, n * 20 - 20)
                       for n in range(DEPTH, 0, -1))
    a = associate(isthmus)
    for nested in (open_one * DEPTH + close_one * DEPTH, defined):
        uid, data = slice_of(14, nested)
        answer = a.c_store(dicom.CT_IMAGE, uid, dicom.EXPLICIT, data)
        assert answer[0x0900] == 0xC000 and "nested" in answer[0x0902], answer
    assert a.c_echo() == 0
    a.release()


def commands_that_lack_elements(isthmus, _):
    """But for that the instance could be stored."""
    uid, data = slice_of(13)
    fields = {**STORE, 0x1000: uid}
    whole = dicom.command(fields, True)
    no_type = whole.replace(struct.pack("<HHIH", 0, 0x0800, 2, 0), b"")
    assert len(no_type) == len(whole) - 10
    for command in (*(dicom.command({n: v for n, v in fields.items() if n != missing}, True)
                      for missing in (0x0100, 0x0110, 0x1000)), no_type):
        a = associate(isthmus)
        a.send_pdv(1, 3, command)
        try:
            a.send_data(1, data)
            assert a.read_response()[0x0900] != 0, command.hex()
            a.close()
        except (dicom.Refused, BrokenPipeError, ConnectionResetError):
            check_ended(a)
    for whole in (b"", b"\0" * 8, dicom.command(STORE, True)[:20]):
        a = associate(isthmus)
        a.send_pdv(1, 3, whole)
        check_ended(a)


# --- what cannot be gone on from: the association ends -------------------------------------------

def pdus_of_4_gib(isthmus, _):
    with socket.create_connection(isthmus.address, LIMIT_S) as s:
        s.sendall(struct.pack(">BBI", 1, 0, 0xFFFFFFFF))
        assert ended(s)[:1] in (b"", b"\3", b"\7")
    for kind in (4, 5, 7):
        a = associate(isthmus)
        a.socket.sendall(struct.pack(">BBI", kind, 0, 0xFFFFFFFF))
        check_ended(a)


def lengths_that_lie(isthmus, _):
    for length, pdv in ((0, b""), (3, b"\0\0\0"), (6, struct.pack(">IBB", 0, 1, 3)),
                        (6, struct.pack(">IBB", 1, 1, 3)), (6, struct.pack(">IBB", 0xFFFFFFFF, 1, 3)),
                        (6, struct.pack(">IBB", 100, 1, 3)), (9, struct.pack(">IBBBBB", 2, 1, 3, 0, 0, 0))):
        a = associate(isthmus)
        a.socket.sendall(struct.pack(">BBI", 4, 0, length) + pdv)
        with contextlib.suppress(OSError):  # it may have ended by now
            a.socket.shutdown(socket.SHUT_WR)
        check_ended(a)


def wrong_presentation_contexts(isthmus, _):
    command, data = dicom.command(STORE, True), slice_of(10)[1]
    for of_command, of_data in ((99, 99), (0, 0), (2, 2), (1, 3), (1, 99)):
        a = associate(isthmus)
        a.send_pdv(of_command, 3, command)
        try:
            a.send_data(of_data, data)
        except (BrokenPipeError, ConnectionResetError):
            pass
        check_ended(a)
    a = associate(isthmus)
    assert a.c_store(dicom.CT_IMAGE, "2.25.1", None, data, context=3)[0x0900] != 0
    a.close()


def wrong_order(isthmus, _):
    rq = dicom.associate_rq(isthmus.aet, "PEER", [(dicom.CT_IMAGE, [dicom.EXPLICIT])])
    command = dicom.command(STORE, True)
    pdv = struct.pack(">BBIIBB", 4, 0, len(command) + 6, len(command) + 2, 1, 3) + command
    with socket.create_connection(isthmus.address, LIMIT_S) as s:
        s.sendall(pdv)
        assert ended(s)[:1] in (b"", b"\7")
    for more in (rq, pdv + pdv, struct.pack(">BBI", 9, 0, 0), struct.pack(">BBI", 2, 0, 4) + b"\0" * 4):
        a = associate(isthmus)
        a.socket.sendall(more)
        check_ended(a)
    a = associate(isthmus)
    a.send_data(1, slice_of(11)[1])
    check_ended(a)


def leaves_in_the_middle(isthmus, _):
    for last in (b"", struct.pack(">BBIBBBB", 7, 0, 4, 0, 0, 0, 0)):
        a = associate(isthmus)
        a.send_pdv(1, 3, dicom.command(STORE, True))
        a.send_pdv(1, 0, slice_of(12)[1][:300])
        a.socket.sendall(last)
        a.close()


def leaves_before_the_answer(isthmus, stored):
    """Politely or by a reset. What is sent again is answered Success and is there once."""
    for number, linger in ((30, struct.pack("ii", 0, 0)), (31, struct.pack("ii", 1, 0))):
        uid, data = slice_of(number)
        a = associate(isthmus)
        a.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
        a.send_pdv(1, 3, dicom.command({**STORE, 0x1000: uid}, True))
        a.send_data(1, data)
        a.close()
        again = associate(isthmus)
        store(stored, again, number)
        again.release()


def thousands_of_connections(isthmus, _):
    held = [socket.create_connection(isthmus.address, LIMIT_S) for _ in range(CONNECTIONS)]
    assert dicom.echo(isthmus.address, isthmus.aet, LIMIT_S) == 0
    for s in held:
        s.close()


PEERS = (contexts_128, fragments_of_1_byte, segments_of_1_byte, items_by_the_million, command_without_a_class,
         values_that_are_shorter_than_said, nested_deep, commands_that_lack_elements, pdus_of_4_gib, lengths_that_lie,
         wrong_presentation_contexts, wrong_order, leaves_in_the_middle, leaves_before_the_answer,
         thousands_of_connections)

with Isthmus() as isthmus:
    stored = {}
    assert dicom.echo(isthmus.address, isthmus.aet) == 0
    for peer in PEERS:
        peer(isthmus, stored)
        assert dicom.echo(isthmus.address, isthmus.aet) == 0, peer.__name__
        peak = max(map(peak_mib, children(isthmus.pid("isthmus-scp"))), default=0)
        print(peer.__name__, round(peak), "MiB", flush=True)
        assert peak < PEAK_MIB, peer.__name__
    there = {uid: blob for uid, blob in isthmus.sql("select sop_instance_uid, blob from isthmus.instance")}
    assert set(there) == set(stored), set(there) ^ set(stored)
    assert isthmus.sql("select count(*) from isthmus.conflict") == [["0"]]
    for uid, data in stored.items():
        assert dicom.part10(isthmus.stored_path(there[uid]))[1] == data, uid
    wait_until(lambda: not list(Path(isthmus.dir / "store/incoming").iterdir()), what="an empty incoming/")
    assert "signal" not in isthmus.logs().lower(), [x for x in isthmus.logs().splitlines() if "signal" in x.lower()]
    wait_until(lambda: children(isthmus.pid("isthmus-scp")), what="a worker")
