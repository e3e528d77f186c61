"""The disk of SQLite is full."""

import os
import resource
import sqlite3
import subprocess
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import psutil
import pytest

from tests.faults.load import Load
from tests.faults.scene import DATABASE_DOWN, Say, Scene
from tests.faults.services import Server


class Disk:
    """A disk of 24 MB to put a database on, where we may mount one; else a limit on the size of files."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir()
        mount = ["mount", "-t", "tmpfs", "-o", "size=24m", "faults", str(folder)]
        self.is_mounted = os.getuid() == 0 and subprocess.run(mount, check=False, capture_output=True).returncode == 0

    def fill(self, server: Server) -> None:
        """Leave no room."""
        if not self.is_mounted:
            self._limit(server, 4096)
            return
        with (self.folder / "filler").open("wb", buffering=0) as filler:
            for size in (1024 * 1024, 512):
                try:
                    while filler.write(bytes(size)) == size:
                        pass
                except OSError:
                    continue

    def clear(self, server: Server) -> None:
        """Make room again."""
        if self.is_mounted:
            (self.folder / "filler").unlink()
        else:
            self._limit(server, resource.RLIM_INFINITY)

    def _limit(self, server: Server, size: int) -> None:
        # Python ignores SIGXFSZ: a write beyond the limit fails with EFBIG.
        for worker in server.worker_processes():
            psutil.Process(worker.pid).rlimit(psutil.RLIMIT_FSIZE, (size, resource.RLIM_INFINITY))

    def remove(self) -> None:
        """Take it away."""
        if self.is_mounted:
            subprocess.run(["umount", "-l", str(self.folder)], check=True)


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Disk]:
    """A disk that can be filled."""
    disk = Disk(tmp_path / "disk")
    yield disk
    disk.remove()


def test_sqlite_disk_full(scene: Scene, say: Say, disk: Disk) -> None:
    database = disk.folder / "books.sqlite3"
    scene.fill(f"sqlite:///{database}")
    with scene.server(f"sqlite:///{database}") as server:
        with Load(scene.cast(server), server.port) as load:
            time.sleep(3)
            say(f"the disk is full ({'a small one' if disk.is_mounted else 'by a limit on files'})")
            load.broken()
            disk.fill(server)
            time.sleep(8)
            disk.clear(server)
            load.repaired()
            load.until_well()
        reads = load.outcomes("read")
        scene.judge("sqlite full", load, server, allowed=[DATABASE_DOWN])
        assert load.outcomes("write")[DATABASE_DOWN] > 0, "the disk was not full"
        assert {*reads} == {"200"}, reads
    assert sound(database)


def sound(database: Path) -> bool:
    """Whether SQLite finds nothing wrong with its file."""
    with closing(sqlite3.connect(database)) as connection:
        return bool(connection.execute("PRAGMA integrity_check").fetchone() == ("ok",))
