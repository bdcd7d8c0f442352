"""A disk that forgets without power what was not synced, directory entries included.

    disk = Disk(root, directory)       # everything below root is on the disk now
    ... programs run with disk.environment() and are killed ...
    disk.cut(random)                   # root is made again as the disk has it
    with disk.failing("sync"): ...     # nothing can be synced, or with "write" be written

Nothing that was not synced has to be there, but it may be: half of the time some does survive, of
each directory the first few changes or all of them, of a file an empty one, a part or the whole.
"""
import contextlib
import os
import shutil
import subprocess
from pathlib import Path


class File:
    def __init__(self, copy=None):
        self.copy = copy  # what was synced, None: nothing


class Folder:
    def __init__(self):
        self.kept, self.pending = {}, []  # names → File or Folder; changes since it was synced

    def now(self):
        return self.with_changes(len(self.pending))

    def with_changes(self, n):
        names = dict(self.kept)
        for name, thing in self.pending[:n]:
            if thing is None:
                names.pop(name, None)
            else:
                names[name] = thing
        return names


class Disk:
    def __init__(self, root, directory):
        self.root, self.directory = Path(root).resolve(), Path(directory)
        self.library = self.directory / "power_log.so"
        subprocess.run(["cc", "-std=c17", "-Wall", "-Wextra", "-Werror", "-O1", "-shared", "-fPIC", "-o",
                        str(self.library), str(Path(__file__).with_name("power_log.c"))], check=True)
        self.log = self.directory / "log"
        self.log.touch()
        for path, mode in ((self.directory, 0o777), (self.log, 0o666)):
            path.chmod(mode)
        self._look()

    def environment(self):
        return {"LD_PRELOAD": str(self.library), "POWER_LOG_ROOT": str(self.root),
                "POWER_LOG_DIR": str(self.directory),
                "ASAN_OPTIONS": os.environ.get("ASAN_OPTIONS", "") + ":verify_asan_link_order=0"}

    @contextlib.contextmanager
    def failing(self, what):
        sign = self.directory / f"failing-{what}"
        sign.touch()
        try:
            yield
        finally:
            sign.unlink()

    def _look(self):
        """What lies below the root is on the disk."""
        self.folders, self.files = {"": Folder()}, {}
        for path, folders, files in os.walk(self.root):
            here = self.folders["" if path == str(self.root) else os.path.relpath(path, self.root)]
            for name in folders:
                there = os.path.relpath(os.path.join(path, name), self.root)
                here.kept[name] = self.folders[there] = Folder()
            for name in files:
                inode = os.stat(os.path.join(path, name)).st_ino
                here.kept[name] = self.files.setdefault(inode, File(Path(path) / name))

    def _replay(self):
        for line in self.log.read_text().splitlines():
            what, *fields = line.split("\t")
            folder = self.folders.get(fields[0])
            if what == "sync":
                self.files[int(fields[0])].copy = self.directory / fields[1]
            elif what == "syncdir":
                folder.kept, folder.pending = folder.now(), []
            elif what == "create":
                self.files[int(fields[2])] = File()
                folder.pending.append((fields[1], self.files[int(fields[2])]))
            elif what == "link":
                folder.pending.append((fields[1], self.files[int(fields[2])]))
            elif what == "unlink":
                folder.pending.append((fields[1], None))
            elif what == "mkdir":
                made = self.folders[f"{fields[0]}/{fields[1]}".lstrip("/")] = Folder()
                folder.pending.append((fields[1], made))
            elif what == "rename":
                thing = folder.now()[fields[1]]
                self.folders[fields[2]].pending.append((fields[3], thing))
                if isinstance(thing, Folder):
                    self.folders[f"{fields[2]}/{fields[3]}".lstrip("/")] = thing
                folder.pending.append((fields[1], None))
            else:
                raise AssertionError(line)

    def _write(self, folder, path, before, random, made):
        """The folder as the disk has it, at @path; before: where its files are as they were."""
        path.mkdir(mode=0o750)
        os.chown(path, self.owner.st_uid, self.owner.st_gid)
        lucky = random.random() < 0.5
        n = len(folder.pending)
        names = folder.with_changes(random.choice([n, random.randint(0, n)]) if lucky else 0)
        for name, thing in names.items():
            if isinstance(thing, Folder):
                self._write(thing, path / name, before / name, random, made)
            elif thing.copy and not thing.copy.exists():
                continue  # deleted since; a disk may know that, too
            elif thing in made:
                os.link(made[thing], path / name)
            else:
                content = thing.copy.read_bytes() if thing.copy else b""
                if not thing.copy and lucky and (before / name).exists():
                    content = (before / name).read_bytes()
                    content = content[:random.choice([0, len(content) // 2, len(content)])]
                (path / name).write_bytes(content)
                (path / name).chmod(0o640)
                os.chown(path / name, self.owner.st_uid, self.owner.st_gid)
                made[thing] = path / name

    def cut(self, random):
        """The power is gone and comes back: nobody may have a file of the root open. Returns how
        many changes of names were not synced."""
        self._replay()
        self.owner = self.root.stat()
        before = self.root.with_name(self.root.name + ".before")
        self.root.rename(before)
        for file in self.files.values():
            if file.copy and file.copy.is_relative_to(self.root):
                file.copy = before / file.copy.relative_to(self.root)
        unsynced = sum(len(f.pending) for f in self.folders.values())
        self._write(self.folders[""], self.root, before, random, {})
        shutil.rmtree(before)
        for path in self.directory.iterdir():
            if path not in (self.log, self.library):
                path.unlink()
        os.truncate(self.log, 0)
        self._look()
        return unsynced
