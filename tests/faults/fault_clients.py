"""Clients that never finish, never read, or take their time."""

import contextlib
import json
import socket
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager

from tests.faults.load import ACCOUNTS, BOOKS, Load
from tests.faults.scene import Say, Scene
from tests.faults.services import Server

HELD_SECONDS = 10
TOO_SLOW = "408 request_timeout"


def test_half_open_connections(scene: Scene, say: Say) -> None:
    def open_half(server: Server, _: str) -> socket.socket:
        connection = _connected(server)
        connection.sendall(f"GET {BOOKS} HTTP/1.1\r\nHost: 127.0.0.1\r\nX-Never".encode())
        return connection

    _held("half open", scene, say, open_half, 100)


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
        scene.judge(key, load, server, allowed=allowed, notes=[f"A worker had {memory / 2**20:.0f} MiB."])


@contextmanager
def _all(begin: Open, server: Server, token: str, count: int) -> Iterator[list[socket.socket]]:
    with contextlib.ExitStack() as stack:
        yield [stack.enter_context(begin(server, token if n % 2 else "")) for n in range(count)]


def _connected(server: Server) -> socket.socket:
    return socket.create_connection(("127.0.0.1", server.port), timeout=5)
