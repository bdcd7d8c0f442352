"""C-FIND over dicom_raw: identifiers, pending responses, C-CANCEL."""
import struct

import dicom_raw as dicom

STUDY_ROOT = "1.2.840.10008.5.1.4.1.2.2.1"
PATIENT_ROOT = "1.2.840.10008.5.1.4.1.2.1.1"
WORKLIST = "1.2.840.10008.5.1.4.31"


def identifier(level, charset="ISO_IR 192", **keys):
    """Explicit VR Little Endian; @keys are t00100010=("PN", "Yamada*")."""
    elements = {0x00080005: ("CS", charset)}
    if level:
        elements[0x00080052] = ("CS", level)
    elements.update({int(name[1:], 16): value for name, value in keys.items()})
    out = b""
    for tag in sorted(elements):
        vr, value = elements[tag]
        if isinstance(value, str):
            value = value.encode("utf-8" if charset == "ISO_IR 192" else "latin-1")
            value += (b"\0" if vr == "UI" else b" ") * (len(value) % 2)
        out += dicom.element(tag, vr, value)
    return out


def parse(data):
    """A flat data set as {tag: bytes without padding}; sequences are left as bytes."""
    found, at = {}, 0
    while at < len(data):
        group, number, vr = struct.unpack_from("<HH2s", data, at)
        if vr in (b"SQ", b"UN", b"UT", b"OB", b"OW", b"UC", b"UR"):
            n, head = struct.unpack_from("<I", data, at + 8)[0], 12
        else:
            n, head = struct.unpack_from("<H", data, at + 6)[0], 8
        found[group << 16 | number] = data[at + head:at + head + n].rstrip(b" \0")
        at += head + n
    return found


class Query(dicom.Association):
    def __init__(self, isthmus, root=STUDY_ROOT, calling="WS1"):
        super().__init__(isthmus.address, isthmus.aet, [(root, [dicom.EXPLICIT])], calling=calling)
        self.root = root
        self.pdvs = []

    def ask(self, data):
        self.message += 1
        fields = {0x0002: self.root, 0x0100: 0x20, 0x0110: self.message, 0x0700: 0}
        context = self.accepted[self.root, dicom.EXPLICIT]
        self.send_pdv(context, 3, dicom.command(fields, True))
        self.send_pdv(context, 2, data)

    def cancel(self):
        self.send_pdv(self.accepted[self.root, dicom.EXPLICIT], 3,
                      dicom.command({0x0100: 0x0FFF, 0x0120: self.message}, False))

    def _message_part(self):
        """The next command set or data set, whole."""
        data = b""
        while True:
            while not self.pdvs:
                kind, body = self.read_pdu()
                if kind != 4:
                    raise dicom.Refused(f"PDU {kind} instead of a response: {body.hex()}")
                at = 0
                while at < len(body):
                    n, _, flags = struct.unpack_from(">IBB", body, at)
                    self.pdvs.append((flags, body[at + 6:at + 4 + n]))
                    at += 4 + n
            flags, piece = self.pdvs.pop(0)
            data += piece
            if flags & 2:
                return data

    def next(self):
        """(status, match or None, command)."""
        answer = dicom.parse_command(self._message_part())
        if answer[0x0900] in (0xFF00, 0xFF01):
            return answer[0x0900], parse(self._message_part()), answer
        return answer[0x0900], None, answer

    def find(self, level, **keys):
        """All matches and the final command."""
        self.ask(identifier(level, **keys))
        matches = []
        while True:
            status, match, answer = self.next()
            if match is None:
                return matches, answer
            matches.append(match)
