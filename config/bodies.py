"""What may a body be? UTF-8, and not too slow: clients that take their time hold some of the threads, never all.

The server reads a body when the application asks for it, in one of the worker's few threads: without this, as many
clients as there are threads, each sending a byte a second and none of them signed in, would stop the whole service.
A body that is there already, as almost every one is, takes a place for a moment only.
"""

import io
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from typing import Any
from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

from django.utils.http import parse_header_parameters

AT_ONCE = 2  # half of a worker's threads
WAIT_SECONDS = 0.3  # for a place
PATIENCE_SECONDS = 15.0  # for one read to be met; noticed with the next bytes, after twice as long at the latest


class TooSlow(OSError):
    """The body did not arrive in time. Django makes it an UnreadablePostError."""


class SlowBodies:
    """A WSGI application, few of whose threads wait for bodies. `clock` is monotonic, in seconds."""

    def __init__(self, application: WSGIApplication, clock: Callable[[], float] = time.monotonic) -> None:
        self._application = application
        self._clock = clock
        self._places = threading.Semaphore(AT_ONCE)

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        """The application's answer."""
        body = environ["wsgi.input"]
        if not isinstance(body, io.BytesIO):  # that is all there already
            environ["wsgi.input"] = _Body(body, self._places, self._clock)
        return self._application(environ, start_response)


def in_utf8(application: WSGIApplication) -> WSGIApplication:
    """The application, for which all text is UTF-8 (RFC 8259 section 8.1; WHATWG URL, "urlencoded parsing").

    Django reads body and query string by the charset of the Content-Type, that of a GET too: a client would choose
    how its words are understood, and one that names what is no charset of text would get an empty 500.
    """

    def serve(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        sent = environ.get("CONTENT_TYPE", "")
        if "charset" in sent.lower():
            try:
                kind, parameters = parse_header_parameters(sent)
            except ValueError:
                kind, parameters = "", {}
            boundary = parameters.get("boundary")
            environ["CONTENT_TYPE"] = f"{kind}; boundary={boundary}" if boundary else kind
        return application(environ, start_response)

    return serve


class _Body:
    """`wsgi.input` (PEP 3333, "Input and Error Streams"), of which every read takes a place and is bounded in time."""

    def __init__(self, body: Any, places: threading.Semaphore, clock: Callable[[], float]) -> None:
        self._body, self._places, self._clock = body, places, clock

    def read(self, size: int = -1) -> bytes:
        """The next bytes, `size` of them unless the body ends before. Raises TooSlow."""
        return b"".join(self._parts(size, self._body.read, lambda part, asked: len(part) < asked))

    def readline(self, size: int = -1) -> bytes:
        """The next line, or `size` bytes of it. Raises TooSlow."""
        return b"".join(self._parts(size, self._body.readline, lambda part, _: not part or part.endswith(b"\n")))

    def readlines(self, hint: int = -1) -> list[bytes]:
        """All lines that are left. Raises TooSlow."""
        return list(self)

    def __iter__(self) -> Iterator[bytes]:
        return iter(self.readline, b"")

    def _parts(self, size: int, read: Callable[[int], bytes], is_last: Callable[[bytes, int], bool]) -> Iterator[bytes]:
        if not self._places.acquire(timeout=WAIT_SECONDS):
            raise TooSlow("Too many clients are sending slowly.")
        try:
            deadline = self._clock() + PATIENCE_SECONDS
            # Each part is twice as large as the one before: few for a body that is there, and whoever sends byte by
            # byte is caught. The server's own `read` returns when all was read that it was asked for.
            asked, left = 4, size
            while left:
                asked = min(asked, left) if left > 0 else asked
                part = read(asked)
                yield part
                if is_last(part, asked):
                    return
                if self._clock() > deadline:
                    raise TooSlow("The body did not arrive in time.")
                left, asked = left - len(part) if left > 0 else left, asked * 2
        finally:
            self._places.release()
