"""Associations that store instances of ever new studies until told to stop, each in a process of its own."""
import multiprocessing
import os

import dicom_raw as dicom

INSTANCES_PER_STUDY = 5


def _send(address, aet, sender, stop, stored):
    a = dicom.Association(address, aet, [(dicom.CT_IMAGE, [dicom.EXPLICIT])], calling=f"LOAD{sender}")
    study = 0
    while not stop.is_set():
        study += 1
        for number in range(1, INSTANCES_PER_STUDY + 1):
            root = f"1.2.8.{os.getpid()}.{study}"
            uid = f"{root}.1.{number}"
            data = dicom.ct(root, f"{root}.1", uid, number, id=f"L{sender}-{study}", accession=f"L{sender}-{study}")
            assert a.c_store(dicom.CT_IMAGE, uid, dicom.EXPLICIT, data)[0x0900] == 0
            with stored.get_lock():
                stored.value += 1
    a.release()


class Load:
    def __init__(self, isthmus, senders=4):
        self.stop = multiprocessing.Event()
        self.stored = multiprocessing.Value("L", 0)
        self.processes = [multiprocessing.Process(
            target=_send, args=(isthmus.address, isthmus.aet, n, self.stop, self.stored)) for n in range(senders)]

    def __enter__(self):
        for p in self.processes:
            p.start()
        return self

    def __exit__(self, *_):
        self.stop.set()
        for p in self.processes:
            p.join(60)
        assert all(p.exitcode == 0 for p in self.processes), [p.exitcode for p in self.processes]
