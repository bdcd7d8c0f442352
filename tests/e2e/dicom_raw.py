"""A DICOM sender that does exactly what it is told, right or wrong (PS3.7, PS3.8).

It shares no code with DCMTK: sockets and bytes only. Data sets are bytes or iterators of bytes.
"""
import socket
import struct

VERIFICATION = "1.2.840.10008.1.1"
CT_IMAGE = "1.2.840.10008.5.1.4.1.1.2"
IMPLICIT = "1.2.840.10008.1.2"
EXPLICIT = "1.2.840.10008.1.2.1"
ENHANCED_CT = "1.2.840.10008.5.1.4.1.1.2.1"
LONG_VRS = {"OB", "OD", "OF", "OL", "OV", "OW", "SQ", "SV", "UC", "UN", "UR", "UT", "UV"}


class Refused(Exception):
    """The association was rejected, aborted or closed; says how."""


# --- data sets ----------------------------------------------------------------------------

def element(tag, vr, value=b"", length=None):
    """One element in Explicit VR Little Endian; @length only declares, for values sent apart."""
    if isinstance(value, str):
        value = value.encode("utf-8")
        if len(value) % 2:
            value += b"\0" if vr == "UI" else b" "
    elif isinstance(value, int):
        value = struct.pack("<H" if vr == "US" else "<I", value)
    head = struct.pack("<HH", tag >> 16, tag & 0xFFFF) + vr.encode()
    n = len(value) if length is None else length
    return head + (struct.pack("<HI", 0, n) if vr in LONG_VRS else struct.pack("<H", n)) + value


def ct_header(study, series, instance, number=1, **text):
    """Everything of a CT slice but its pixels. @text replaces values by keyword."""
    values = {"name": "Load^Test", "id": "LOAD-1", "accession": "ACC-LOAD", "modality": "CT",
              "sop_class": CT_IMAGE, **text}
    return b"".join((
        element(0x00080005, "CS", "ISO_IR 192"), element(0x00080016, "UI", values["sop_class"]),
        element(0x00080018, "UI", instance), element(0x00080020, "DA", "20260302"),
        element(0x00080030, "TM", "101200"), element(0x00080050, "SH", values["accession"]),
        element(0x00080060, "CS", values["modality"]), element(0x00080090, "PN", ""),
        element(0x00100010, "PN", values["name"]), element(0x00100020, "LO", values["id"]),
        element(0x00100030, "DA", "19710412"), element(0x00100040, "CS", "F"),
        element(0x0020000D, "UI", study), element(0x0020000E, "UI", series),
        element(0x00200010, "SH", "1"), element(0x00200011, "IS", "1"),
        element(0x00200013, "IS", str(number)), element(0x00280002, "US", 1),
        element(0x00280004, "CS", "MONOCHROME2"), element(0x00280010, "US", 64),
        element(0x00280011, "US", 64), element(0x00280100, "US", 16),
        element(0x00280101, "US", 16), element(0x00280102, "US", 15),
        element(0x00280103, "US", 0)))


def ct(study, series, instance, number=1, kib=8, **text):
    """A whole CT slice of @kib KiB; its pixels depend on @number."""
    pixels = struct.pack("<H", number & 0xFFFF) * (512 * kib)
    return ct_header(study, series, instance, number, **text) + element(0x7FE00010, "OW", pixels)


def part10(path):
    """A file: (meta, data set) with meta {element number: text of group 0002}."""
    with open(path, "rb") as f:
        data = f.read()
    if data[128:132] != b"DICM":
        return {}, data
    meta, at = {}, 132
    while at + 8 <= len(data) and data[at:at + 2] == b"\x02\0":
        number, vr = struct.unpack_from("<H", data, at + 2)[0], data[at + 4:at + 6].decode("latin-1")
        if vr in LONG_VRS:
            n, at = struct.unpack_from("<I", data, at + 8)[0], at + 12
        else:
            n, at = struct.unpack_from("<H", data, at + 6)[0], at + 8
        meta[number] = data[at:at + n].decode("latin-1").rstrip("\0 ")
        at += n
    return meta, data[at:]


# --- protocol -----------------------------------------------------------------------------

def _item(kind, body):
    return struct.pack(">BBH", kind, 0, len(body)) + body


def associate_rq(called, calling, contexts, max_pdu=131072):
    """The A-ASSOCIATE-RQ; @contexts is [(abstract syntax, [transfer syntaxes])]."""
    body = struct.pack(">HH16s16s32s", 1, 0, called.encode().ljust(16), calling.encode().ljust(16), b"")
    body += _item(0x10, b"1.2.840.10008.3.1.1.1")
    for n, (abstract, transfer) in enumerate(contexts):
        syntaxes = _item(0x30, abstract.encode()) + b"".join(_item(0x40, t.encode()) for t in transfer)
        body += _item(0x20, struct.pack("BBBB", 2 * n + 1, 0, 0, 0) + syntaxes)
    body += _item(0x50, _item(0x51, struct.pack(">I", max_pdu)) + _item(0x52, b"2.25.1")
                  + _item(0x55, b"RAW"))
    return struct.pack(">BBI", 1, 0, len(body)) + body


def command(fields, has_data):
    """A command set in Implicit VR Little Endian; @fields is {element: text or number}."""
    fields = {**fields, 0x0800: 0 if has_data else 0x0101}
    body = b""
    for number in sorted(fields):
        value = fields[number]
        if isinstance(value, int):
            value = struct.pack("<H", value)
        else:
            value = value.encode("latin-1")
            value += b"\0" * (len(value) % 2)
        body += struct.pack("<HHI", 0, number, len(value)) + value
    return struct.pack("<HHII", 0, 0, 4, len(body)) + body


def parse_command(data):
    """The command set as {element: number or text}."""
    fields, at = {}, 0
    while at + 8 <= len(data):
        _, number, n = struct.unpack_from("<HHI", data, at)
        value = data[at + 8:at + 8 + n]
        fields[number] = struct.unpack("<H", value)[0] if n == 2 and number < 0x0A00 else \
            value.decode("utf-8", "replace").rstrip("\0 ")
        at += 8 + n
    return fields


class Association:
    """One association; @accepted is {(abstract, transfer): presentation context id}."""

    def __init__(self, address, called, contexts, calling="RAW", max_pdu=131072, timeout=60):
        self.socket = socket.create_connection(address, timeout)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.message = 0
        self.accepted = {}
        self.socket.sendall(associate_rq(called, calling, contexts, max_pdu))
        kind, body = self.read_pdu()
        if kind != 2:
            raise Refused(f"the answer to A-ASSOCIATE-RQ is PDU {kind}: {body.hex()}")
        self._read_contexts(body[68:], contexts)

    def _read_contexts(self, items, contexts):
        self.max_pdu, at = 16384, 0
        while at + 4 <= len(items):
            kind, n = items[at], struct.unpack_from(">H", items, at + 2)[0]
            body = items[at + 4:at + 4 + n]
            if kind == 0x21 and body[2] == 0:
                syntax = body[8:].decode("latin-1").rstrip("\0")
                self.accepted[contexts[body[0] // 2][0], syntax] = body[0]
            elif kind == 0x50:
                self.max_pdu = struct.unpack_from(">I", body, 4)[0] or 131072
            at += 4 + n

    def _read(self, n):
        data = b""
        while len(data) < n:
            piece = self.socket.recv(n - len(data))
            if not piece:
                raise Refused("the connection was closed")
            data += piece
        return data

    def read_pdu(self):
        kind, _, n = struct.unpack(">BBI", self._read(6))
        return kind, self._read(n)

    def send_pdv(self, context, flags, data):
        self.socket.sendall(struct.pack(">BBIIBB", 4, 0, len(data) + 6, len(data) + 2, context, flags)
                            + data)

    def send_data(self, context, chunks):
        """A data set as PDVs as large as the peer takes."""
        limit, rest = self.max_pdu - 6, b""
        for chunk in [chunks] if isinstance(chunks, (bytes, bytearray)) else chunks:
            rest = rest + chunk if rest else chunk
            while len(rest) > limit:
                self.send_pdv(context, 0, rest[:limit])
                rest = rest[limit:]
        self.send_pdv(context, 2, rest)

    def read_response(self):
        """The next command set that the peer sends."""
        data = b""
        while True:
            kind, body = self.read_pdu()
            if kind != 4:
                raise Refused(f"PDU {kind} instead of a response: {body.hex()}")
            at = 0
            while at < len(body):
                n, _, flags = struct.unpack_from(">IBB", body, at)
                data += body[at + 6:at + 4 + n]
                at += 4 + n
                if flags & 3 == 3:
                    return parse_command(data)

    def c_echo(self):
        self.message += 1
        context = self.accepted[VERIFICATION, IMPLICIT]
        self.send_pdv(context, 3, command({0x0002: VERIFICATION, 0x0100: 0x30, 0x0110: self.message},
                                          False))
        return self.read_response()[0x0900]

    def c_store(self, sop_class, instance, syntax, data, context=None):
        """Send one instance; the answer's fields (0x0900 is the status)."""
        self.message += 1
        if context is None:
            context = self.accepted[sop_class, syntax]
        fields = {0x0002: sop_class, 0x0100: 1, 0x0110: self.message & 0xFFFF, 0x0700: 0,
                  0x1000: instance}
        self.send_pdv(context, 3, command(fields, True))
        self.send_data(context, data)
        return self.read_response()

    def release(self):
        self.socket.sendall(struct.pack(">BBII", 5, 0, 4, 0))
        try:
            kind, _ = self.read_pdu()
            if kind != 6:
                raise Refused(f"PDU {kind} instead of A-RELEASE-RP")
        finally:
            self.socket.close()

    def close(self):
        self.socket.close()


def echo(address, called, timeout=60):
    """One C-ECHO on an association of its own; its status."""
    a = Association(address, called, [(VERIFICATION, [IMPLICIT])], calling="ECHO", timeout=timeout)
    status = a.c_echo()
    a.release()
    return status
