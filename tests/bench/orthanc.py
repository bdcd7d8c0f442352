"""Orthanc with its PostgreSQL index on a cluster of its own, to be measured beside Isthmus."""
import json
import os
import shutil
import socket
import subprocess
import sys
import tempfile
from pathlib import Path

import dicom_raw as dicom
from harness import TOP, wait_until

BUILD = TOP / "build-bench"
PLUGIN = "/usr/share/orthanc/plugins/libOrthancPostgreSQLIndex.so"


def want_orthanc():
    if not shutil.which("Orthanc") or not Path(PLUGIN).exists():
        sys.exit("Orthanc is not installed: apt-get install orthanc orthanc-postgresql")


def build():
    subprocess.run(["cmake", "-S", TOP, "-B", BUILD, "-G", "Ninja", "-DCMAKE_BUILD_TYPE=Release",
                    "-DISTHMUS_TESTS=ON"], check=True, stdout=subprocess.DEVNULL)
    subprocess.run(["cmake", "--build", BUILD], check=True, stdout=subprocess.DEVNULL)


def shell(script):
    """In bash with the functions of etc/setup.sh."""
    return subprocess.run(["bash", "-euo", "pipefail", "-c", f". {TOP}/etc/setup.sh\n{script}"], check=True,
                          stdout=subprocess.PIPE, text=True).stdout


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


class Orthanc:
    aet = "ORTHANC"

    def __enter__(self):
        self.dir = Path(tempfile.mkdtemp(prefix="isthmus-peer."))
        self.dir.chmod(0o755)
        d = self.dir
        shell(f"""mkdir -p {d}/socket; ((EUID)) || chown "$run_user" {d} {d}/socket
                  postgres_find {d}/data; cluster_create {d}/data; cluster_start {d}/data {d}/socket {d}/log
                  "$postgres_bin/createdb" -h {d}/socket -U postgres orthanc""")
        self.address = ("127.0.0.1", free_port())
        (d / "orthanc.json").write_text(json.dumps({
            "Name": "peer", "StorageDirectory": f"{d}/files", "IndexDirectory": f"{d}/files",
            "HttpServerEnabled": False, "DicomServerEnabled": True, "DicomAet": self.aet,
            "DicomPort": self.address[1], "DicomCheckCalledAet": False, "DicomAlwaysAllowStore": True,
            "DicomAlwaysAllowFind": True, "Plugins": [PLUGIN],
            "PostgreSQL": {"EnableIndex": True, "EnableStorage": False, "EnableSsl": False, "Lock": False,
                           "ConnectionUri": f"postgresql://postgres@/orthanc?host={d}/socket"}}))
        # Without this variable DCMTK leaves Nagle's algorithm on, which would be unfair.
        with open(d / "orthanc.log", "wb") as log:
            self.process = subprocess.Popen(["Orthanc", f"{d}/orthanc.json"], stdout=log, stderr=log,
                                            env={**os.environ, "TCP_NODELAY": "1"})
        wait_until(self.answers, what="Orthanc")
        return self

    def answers(self):
        assert self.process.poll() is None, (self.dir / "orthanc.log").read_text()[-2000:]
        try:
            return dicom.echo(self.address, self.aet) == 0
        except OSError:
            return False

    def __exit__(self, *_):
        self.process.terminate()
        self.process.wait(30)
        shell(f"postgres_find {self.dir}/data; cluster_stop {self.dir}/data")
        shutil.rmtree(self.dir, ignore_errors=True)
