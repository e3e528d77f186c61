"""Clients that never finish, never read, or take their time."""

import contextlib
import json
import socket
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.faults.load import ACCOUNTS, BOOKS, Load, crowd
from tests.faults.scene import Say, Scene
from tests.faults.services import Server

HELD_SECONDS = 10
HEALTH_SECONDS = 2.0
TOO_SLOW = "408 request_timeout"


def test_half_open_connections(scene: Scene, say: Say) -> None:
    def open_half(server: Server, _: str) -> socket.socket:
        connection = _connected(server)
        connection.sendall(f"GET {BOOKS} HTTP/1.1\r\nHost: 127.0.0.1\r\nX-Never".encode())
        return connection

    _held("half open", scene, say, open_half, 100)
    # More than granian takes by default in two workers, which is 1,024; and fewer than CONNECTIONS of each.
    _held("unfinished heads", scene, say, open_half, 3000)


def test_clients_that_never_read(scene: Scene, say: Say) -> None:
    def ask_for_much(server: Server, _: str) -> socket.socket:
        connection = socket.socket()
        # Before connecting: it decides on the window that is offered.
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2048)
        connection.connect(("127.0.0.1", server.port))
        page = f"GET {BOOKS}?page_size=100 HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"
        connection.sendall(page.encode() * 100)
        return connection

    _held("never reads", scene, say, ask_for_much, 20)


def test_slow_bodies(scene: Scene, say: Say) -> None:
    book = json.dumps({"title": "Slowly", "authors": ["Nobody"]})

    def begin(server: Server, token: str) -> socket.socket:
        connection = _connected(server)
        path, more = (BOOKS, f"Authorization: Bearer {token}\r\n") if token else (f"{ACCOUNTS}sign-in/", "")
        head = f"POST {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n{more}"
        connection.sendall(f"{head}Content-Length: 4000\r\n\r\n{book[:5]}".encode())
        return connection

    _held("slow bodies", scene, say, begin, 20, drip=b" ", allowed=[TOO_SLOW])


def test_slow_bodies_of_another_address(scene: Scene, say: Say) -> None:
    def stop_in_the_middle(server: Server) -> str:
        with socket.create_connection(("127.0.0.1", server.port), 60, ("127.0.0.2", 0)) as connection:
            head = f"POST {ACCOUNTS}sign-in/ HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n"
            connection.sendall(f'{head}Content-Length: 4000\r\n\r\n{{"a'.encode())
            return _status(connection)

    _repeated("slow address", scene, say, stop_in_the_middle, 40, {"408", "closed"})


def test_large_heads(scene: Scene, say: Say) -> None:
    def send(server: Server) -> str:
        with _connected(server) as connection:
            head = f"GET {BOOKS} HTTP/1.1\r\nHost: 127.0.0.1\r\nX-Anything: {'a' * 100 * 1024}\r\n\r\n"
            connection.sendall(head.encode())
            return _status(connection)

    _repeated("large heads", scene, say, send, 24, {"431"})


def test_uploads(scene: Scene, say: Say) -> None:
    boundary, size = "a-boundary", 50 * 1024 * 1024
    begin = f'--{boundary}\r\nContent-Disposition: form-data; name="file"; filename="a.csv"\r\n\r\n'.encode()
    body = begin + b"a" * size + f"\r\n--{boundary}--\r\n".encode()

    def upload(server: Server) -> str:
        with socket.create_connection(("127.0.0.1", server.port), 60, ("127.0.0.2", 0)) as connection:
            kind = f"Content-Type: multipart/form-data; boundary={boundary}\r\nContent-Length: {len(body)}\r\n"
            try:
                connection.sendall(f"POST /accounts/sign-in/ HTTP/1.1\r\nHost: 127.0.0.1\r\n{kind}\r\n".encode() + body)
            except OSError:
                return "closed"  # it was told enough
            return _status(connection)

    with tempfile.TemporaryDirectory() as folder:
        on = {"TMPDIR": folder, "METRICS_TOKEN": "for-the-faults-of-uploads-only-0123456789"}
        written = _Watched(Path(folder))
        _repeated("uploads", scene, say, upload, 8, {"413", "408", "closed"}, written=written, **on)


class _Watched:
    """How much was in a folder at most, while it was looked at."""

    def __init__(self, folder: Path) -> None:
        self._folder, self.most = folder, 0

    def look(self) -> None:
        """Look."""
        with contextlib.suppress(FileNotFoundError):
            self.most = max(self.most, sum(path.stat().st_size for path in self._folder.rglob("*") if path.is_file()))


def _repeated(
    key: str,
    scene: Scene,
    say: Say,
    ask: Callable[[Server], str],
    count: int,
    expected: set[str],
    *,
    written: _Watched | None = None,
    **environment: str,
) -> None:
    """The row: `count` clients that `ask` over and over for a while under load, and are told one of `expected`."""
    told: Counter[str] = Counter()
    with scene.server(**environment) as server:
        with Load(scene.cast(server), server.port) as load:
            time.sleep(3)
            say(f"{count} clients: {key}")
            load.broken()
            until = time.monotonic() + HELD_SECONDS

            def attack() -> None:
                while time.monotonic() < until:
                    told[ask(server)] += 1

            with crowd([attack] * count):
                while time.monotonic() < until:
                    if written is not None:
                        written.look()
                    time.sleep(0.05)
                memory = max(worker.memory_info().rss for worker in server.worker_processes())
            load.repaired()
            load.until_well()
        assert {*told} <= expected, told
        if written is not None:
            assert written.most == 0, f"{written.most} bytes were written to disk"
        what = ", ".join(f"{told[status]} were told {status}" for status in sorted(told))
        disk = " Nothing was written to disk." if written is not None else ""
        notes = [f"Of their requests {what}.{disk} A worker had {memory / 2**20:.0f} MiB."]
        scene.judge(key, load, server, notes=notes, health_seconds=HEALTH_SECONDS)


def _status(connection: socket.socket) -> str:
    """The status of the answer; `closed` when there is none."""
    with contextlib.suppress(OSError):
        if answer := connection.recv(65536):
            return answer[9:12].decode()
    return "closed"


Open = Callable[[Server, str], socket.socket]


def _held(
    key: str, scene: Scene, say: Say, begin: Open, count: int, *, drip: bytes = b"", allowed: Iterable[str] = ()
) -> None:
    """The row: `count` connections by `begin` (every other one with a good token), held for a while under load."""
    with scene.server() as server:
        cast = scene.cast(server)
        with Load(cast, server.port) as load:
            time.sleep(3)
            say(f"{count} connections: {key}")
            load.broken()
            with _all(begin, server, cast.writers[0], count) as connections:
                for _ in range(HELD_SECONDS):
                    for connection in connections if drip else ():
                        with contextlib.suppress(OSError):
                            connection.sendall(drip)
                    time.sleep(1)
                memory = max(worker.memory_info().rss for worker in server.worker_processes())
            load.repaired()
            load.until_well()
        assert {*load.outcomes("read")} == {"200"}
        notes = [f"A worker had {memory / 2**20:.0f} MiB."]
        scene.judge(key, load, server, allowed=allowed, notes=notes, health_seconds=HEALTH_SECONDS)


@contextmanager
def _all(begin: Open, server: Server, token: str, count: int) -> Iterator[list[socket.socket]]:
    with contextlib.ExitStack() as stack:
        yield [stack.enter_context(begin(server, token if n % 2 else "")) for n in range(count)]


def _connected(server: Server) -> socket.socket:
    return socket.create_connection(("127.0.0.1", server.port), timeout=5)
