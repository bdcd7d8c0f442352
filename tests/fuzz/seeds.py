#!/usr/bin/env python3
"""What the fuzzers begin with: seeds.py DIRECTORY makes a folder for each of them there."""
import struct
import sys
import zlib
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "e2e"))
import dicom_raw as dicom  # noqa: E402  (found by the line above)

FIND = "1.2.840.10008.5.1.4.1.2.2.1"
IMPLICIT = "1.2.840.10008.1.2"


def implicit(tag, value):
    return struct.pack("<HHI", tag >> 16, tag & 0xFFFF, len(value)) + value


def sequence(tag, *items, defined=True):
    body = b"".join(b"\xfe\xff\x00\xe0" + (struct.pack("<I", len(i)) + i if defined else
                    b"\xff\xff\xff\xff" + i + b"\xfe\xff\x0d\xe0\0\0\0\0") for i in items)
    head = struct.pack("<HH2sH", tag >> 16, tag & 0xFFFF, b"SQ", 0)
    return head + (struct.pack("<I", len(body)) + body if defined else
                   b"\xff\xff\xff\xff" + body + b"\xfe\xff\xdd\xe0\0\0\0\0")


def data_sets():
    e = dicom.element
    code = e(0x00080100, "SH", "CTHEAD") + e(0x00080102, "SH", "99X") + e(0x00080104, "LO", "Head")
    reference = e(0x00081150, "UI", dicom.CT_IMAGE) + e(0x00081155, "UI", "1.2.3")
    header = dicom.ct_header("1.2.3", "1.2.3.4", "1.2.3.4.5")
    yield 1, header
    yield 1, header + sequence(0x00400275, e(0x00401001, "SH", "RP1") + sequence(0x00321064, code))
    yield 1, header + sequence(0x52009230, *[sequence(0x00209172, reference, defined=False)] * 3, defined=False)
    yield 1, sequence(0x00081032, code, defined=False) + sequence(0x00082112, reference) + header
    yield 1, e(0x00080005, "CS", "ISO 2022 IR 13\\ISO 2022 IR 87") + header
    yield 0, implicit(0x00080016, dicom.CT_IMAGE.encode() + b"\0") + implicit(0x00080018, b"1.2.3.4\0")
    deflate = zlib.compressobj(wbits=-15)
    yield 3, deflate.compress(header) + deflate.flush()


def identifiers():
    e = dicom.element
    study = e(0x00080052, "CS", "STUDY") + e(0x00100010, "PN", "SM*^J?") + e(0x0020000D, "UI", "")
    yield 1, e(0x00080020, "DA", "20200101-20201231") + e(0x00080030, "TM", "10-") + study
    yield 1, e(0x00080005, "CS", "ISO_IR 192") + e(0x00080050, "SH", "A1\\A2") + study
    step = e(0x00080060, "CS", "CT") + e(0x00400001, "AE", "CT1") + e(0x00400002, "DA", "20260101")
    yield 1, e(0x00100010, "PN", "*") + sequence(0x00400100, step)
    yield 0, implicit(0x00080052, b"IMAGE ") + implicit(0x0020000D, b"1.2.3\0")


def commands():
    store = {0x0002: dicom.CT_IMAGE, 0x0100: 1, 0x0110: 1, 0x0700: 0, 0x1000: "1.2.3.4.5"}
    yield dicom.command(store, True)
    yield dicom.command({0x0002: "1.2.840.10008.1.1", 0x0100: 0x30, 0x0110: 2}, False)
    yield dicom.command({0x0002: FIND, 0x0100: 0x20, 0x0110: 3, 0x0700: 0}, True)
    yield dicom.command({0x0100: 0xFFF, 0x0120: 3}, False)


def pdu(kind, body):
    return struct.pack(">BBI", kind, 0, len(body)) + body


def pdv(context, control, body):
    return struct.pack(">IBB", len(body) + 2, context, control) + body


def associations():
    rq = dicom.associate_rq("ISTHMUS", "FUZZ", [(dicom.CT_IMAGE, [dicom.EXPLICIT, IMPLICIT]), (FIND, [IMPLICIT])])
    store = next(commands())
    data = dicom.ct_header("1.2.3", "1.2.3.4", "1.2.3.4.5")
    release = pdu(5, bytes(4))
    yield rq
    yield b"\7" + rq[1:]  # as an A-ABORT
    yield rq + pdu(4, pdv(1, 3, store)) + pdu(4, pdv(1, 0, data[:50]) + pdv(1, 2, data[50:])) + release
    yield rq + pdu(4, pdv(3, 1, store[:40])) + pdu(4, pdv(3, 3, store[40:])) + pdu(7, b"\0\0\0\2")
    for lie in (0, 1, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFC, 0xFFFFFFFF):  # the length of a PDV
        yield rq + pdu(4, struct.pack(">IBB", lie, 1, 3) + store)
    extended = struct.pack(">BBH", 0x56, 0, 2 + len(FIND) + 3) + struct.pack(">H", len(FIND)) + FIND.encode() + b"\1\1\1"
    roles = struct.pack(">BBH", 0x54, 0, 4 + len(FIND)) + struct.pack(">H", len(FIND)) + FIND.encode() + b"\1\1"
    identity = struct.pack(">BBH", 0x58, 0, 10) + b"\2\1\0\2ab\0\2cd"
    more = extended + roles + identity
    at = rq.rindex(b"\x50\0")
    body = rq[6:at] + struct.pack(">BBH", 0x50, 0, len(rq) - at - 4 + len(more)) + rq[at + 4:] + more
    yield pdu(1, body) + release


def write(directory, name, seeds):
    folder = Path(directory) / name
    folder.mkdir(parents=True, exist_ok=True)
    for n, seed in enumerate(seeds):
        (folder / f"seed{n}").write_bytes(seed)


write(sys.argv[1], "header", (bytes([syntax, cut]) + d for syntax, d in data_sets() for cut in (0, 7)))
write(sys.argv[1], "identifier", (bytes([syntax, how]) + d for syntax, d in identifiers() for how in (0, 63)))
write(sys.argv[1], "command", commands())
write(sys.argv[1], "association", associations())
