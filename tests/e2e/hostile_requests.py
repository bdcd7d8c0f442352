#!/usr/bin/env python3
"""Requests that end in the middle of their items, ever again: no worker grows beyond its bound.

For tests/soak: with AddressSanitizer the heap is not counted."""
import socket
import struct
from pathlib import Path

import dicom_raw as dicom
from harness import Isthmus, children

REQUESTS = 4000
HEAP_MIB = 64 + 30  # the bound, and what a worker has anyway


def broken_request():
    """Hundreds of KiB of extended negotiation, then an item whose length lies."""
    uid = b"1.2.840.10008.5.1.4.1.2.2.1"
    rq = dicom.associate_rq("ISTHMUS", "HOSTILE", [(dicom.CT_IMAGE, [dicom.EXPLICIT])])
    item = struct.pack(">BBHH", 0x56, 0, 2 + len(uid) + 4, len(uid)) + uid + b"\1\1\1\1"
    at = rq.rindex(b"\x50\0")
    user = rq[at + 4:] + item * (60000 // len(item)) + struct.pack(">BBHH", 0x54, 0, 9, 500)
    body = rq[6:at] + struct.pack(">BBH", 0x50, 0, len(user)) + user
    return struct.pack(">BBI", 1, 0, len(body)) + body


def resident_mib(pid):
    status = Path(f"/proc/{pid}/status").read_text()
    return int(status.split("VmRSS:")[1].split()[0]) / 1024


with Isthmus() as isthmus:
    request = broken_request()
    for _ in range(REQUESTS):
        with socket.create_connection(isthmus.address, 20) as s:
            s.sendall(request)
            while s.recv(4096):
                pass
    sizes = [resident_mib(pid) for pid in children(isthmus.pid("isthmus-scp"))]
    print("MiB of each worker:", [round(m) for m in sizes])
    assert max(sizes) < HEAP_MIB, sizes
