"""Load generator: a few keep-alive connections from this process, whose own CPU time is not counted."""

import json
import re
import selectors
import socket
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

_LENGTH = re.compile(rb"(?i)\r\ncontent-length: *(\d+)")
_TAG = re.compile(rb'(?i)\r\netag: *("[^"]*")')


def request(method: str, path: str, token: str = "", body: object = None, **headers: str) -> bytes:
    """The bytes of an HTTP request; `if_none_match="..."` is the header If-None-Match."""
    content = b"" if body is None else json.dumps(body).encode()
    lines = [f"{method} {path} HTTP/1.1", "Host: 127.0.0.1"]
    lines += [f"Authorization: Bearer {token}"] if token else []
    lines += ["Content-Type: application/json", f"Content-Length: {len(content)}"] if content else []
    lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
    return "\r\n".join([*lines, "", ""]).encode() + content


@dataclass(frozen=True, slots=True)
class Answer:
    """One answer, and the seconds from the first byte sent to the last byte read."""

    status: int
    head: bytes
    body: bytes
    seconds: float

    @property
    def etag(self) -> str:
        """Its entity tag."""
        found = _TAG.search(self.head)
        return found[1].decode() if found else ""

    def json(self) -> Any:
        """Its body."""
        return json.loads(self.body)


class Connection:
    """One keep-alive connection to 127.0.0.1."""

    def __init__(self, port: int) -> None:
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=60)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._read, self._sent = b"", 0.0

    def send(self, content: bytes) -> None:
        """Send a request."""
        self._read, self._sent = b"", time.perf_counter()
        self.socket.sendall(content)

    def receive(self) -> Answer | None:
        """Read what has come: the answer when it is whole. Raises ConnectionError when the server hangs up."""
        chunk = self.socket.recv(262_144)
        if not chunk:
            raise ConnectionError(f"The server closed a connection, {len(self._read)} bytes into an answer.")
        self._read += chunk
        head, blank, body = self._read.partition(b"\r\n\r\n")
        if not blank:
            return None
        status, length = int(head[9:12]), _LENGTH.search(head)
        if status not in (204, 304) and (length is None or len(body) < int(length[1])):
            return None
        return Answer(status, head, body, time.perf_counter() - self._sent)

    def ask(self, content: bytes, *statuses: int) -> Answer:
        """The answer to a request. Raises RuntimeError unless it has one of `statuses` (200)."""
        self.send(content)
        while (answer := self.receive()) is None:
            pass
        return expect(answer, statuses or (200,))


def expect(answer: Answer, statuses: Sequence[int]) -> Answer:
    """The answer. Raises RuntimeError when it is none of those: a refusal is fast, and measures nothing."""
    if answer.status not in statuses:
        raise RuntimeError(f"The server answered {answer.status}: {answer.body[:300].decode(errors='replace')}")
    return answer


def fire(port: int, requests: Sequence[bytes], status: int, connections: int) -> list[float]:
    """Send all of them over so many connections, each with one request under way; the seconds of each answer."""
    waiting, seconds = iter(requests), []
    with selectors.DefaultSelector() as ready:
        for content in (next(waiting, None) for _ in range(connections)):
            if content is not None:
                connection = Connection(port)
                connection.send(content)
                ready.register(connection.socket, selectors.EVENT_READ, connection)
        while ready.get_map():
            for key, _ in ready.select(60):
                connection = key.data
                answer = connection.receive()
                if answer is None:
                    continue
                seconds.append(expect(answer, (status,)).seconds)
                following = next(waiting, None)
                if following is None:
                    ready.unregister(connection.socket)
                    connection.socket.close()
                else:
                    connection.send(following)
    return seconds
