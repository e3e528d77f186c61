"""Reading of request bodies, bounded in time and in threads (a bulkhead against slow clients).

The server reads a body when the application asks for it, in one of the worker's few threads, and waits without end:
a handful of clients that stop in the middle of a body would stop the service. Here every read takes one of `AT_ONCE`
places. Every client address can have one; more only while more than `KEPT_FREE` are free, so that an office behind one
address works on, and no address holds the places of the others.

A body has `PATIENCE_SECONDS`, and what its bytes take at `BYTES_PER_SECOND`. One that comes too slowly is noticed with
its next bytes, one that comes no more by a watchdog, which ends its connection: granian's `read` can be neither timed
nor cancelled, and one that another thread leaves behind stops the whole worker (seen with 2.8).
"""

import io
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from functools import cached_property
from typing import Any
from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

from django.conf import settings
from django.http import HttpRequest
from django.utils.http import parse_header_parameters

from accounts.flows.throttling import client_address
from config.connections import end_idle
from config.request_limits import BODY_TOO_SLOW, refused

AT_ONCE = 5  # of a worker's eight threads
KEPT_FREE = 1  # for addresses that have none
WAIT_SECONDS = 0.3  # for a place, from the moment on when the last one was taken
PATIENCE_SECONDS = 5.0
BYTES_PER_SECOND = 32 * 1024
PART = 64 * 1024  # bytes that are read at a time, at most
DISCARD_SECONDS = 5.0  # for what the application has left unread


class TooSlow(OSError):
    """The body did not arrive in time, or not at all. Django makes it an UnreadablePostError."""


class SlowBodies:
    """A WSGI application, few of whose threads wait for bodies. `clock` is monotonic, in seconds."""

    def __init__(self, application: WSGIApplication, clock: Callable[[], float] = time.monotonic) -> None:
        self._application = application
        self._clock = clock
        self._places = Places(AT_ONCE, KEPT_FREE)

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        """The application's answer.

        What it left unread of the body is read and thrown away: most clients send all of it before they look at the
        answer, and would find their connection reset instead.
        """
        source = environ["wsgi.input"]
        is_chunked = "HTTP_TRANSFER_ENCODING" in environ
        if isinstance(source, io.BytesIO) or not (is_chunked or environ.get("CONTENT_LENGTH")):
            return self._application(environ, start_response)
        length = None if is_chunked else _whole_number(environ["CONTENT_LENGTH"])
        body = environ["wsgi.input"] = Body(source, length, environ, self._places, self._clock)
        answer = self._application(environ, start_response)
        if "HTTP_EXPECT" not in environ:  # who waits for "100 Continue" has sent nothing (RFC 9110 section 10.1.1)
            body.discard()
        return answer


class Places:
    """So many places for reads, shared fairly by client addresses (a bulkhead). For several threads."""

    def __init__(self, number: int, kept_free: int) -> None:
        self._free, self._kept_free = number, kept_free
        self._taken: Counter[str] = Counter()
        self._last_taken: dict[str, float] = {}  # when, by those that hold one; monotonic
        self._changed = threading.Condition()

    @contextmanager
    def one(self, address: str) -> Iterator[None]:
        """Hold a place for the length of the block. Raises TooSlow when none is free for `address` in time."""
        with self._changed:
            if not self._is_free(address):
                self._wait_for(address)
            self._free -= 1
            self._taken[address] += 1
            self._last_taken[address] = time.monotonic()
        try:
            yield
        finally:
            with self._changed:
                self._free += 1
                self._taken[address] -= 1
                if not self._taken[address]:
                    del self._taken[address], self._last_taken[address]
                self._changed.notify_all()

    def _wait_for(self, address: str) -> None:
        """Wait until a place is free for `address`; not where those that hold them have kept theirs for long."""
        last = self._last_taken.get(address) or max(self._last_taken.values())
        seconds = last + WAIT_SECONDS - time.monotonic()
        if not self._changed.wait_for(lambda: self._is_free(address), max(seconds, 0.0)):
            raise TooSlow("Too many clients are sending slowly.")

    def _is_free(self, address: str) -> bool:
        return self._free > (self._kept_free if address in self._taken else 0)


class Body:
    """`wsgi.input` (PEP 3333, "Input and Error Streams"), whose reads take a place and are bounded in time.

    `source` is the server's, of which only `read` is used: granian's `readline` loses the end of each line. `length`
    is None for a body in chunks.
    """

    def __init__(
        self,
        source: Any,
        length: int | None,
        environ: WSGIEnvironment,
        places: Places,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._source, self._left, self._environ, self._places, self._clock = source, length, environ, places, clock
        self._buffer = bytearray()
        self._received = 0
        self._waited = 0.0  # seconds
        self._has_ended = length == 0

    def read(self, size: int = -1) -> bytes:
        """The next bytes, `size` of them unless the body ends before. Raises TooSlow."""
        self._fill(lambda: 0 <= size <= len(self._buffer))
        return self._take(len(self._buffer) if size < 0 else size)

    def readline(self, size: int = -1) -> bytes:
        """The next line, or `size` bytes of it. Raises TooSlow."""
        self._fill(lambda: b"\n" in self._buffer or 0 <= size <= len(self._buffer))
        end = self._buffer.find(b"\n") + 1 or len(self._buffer)
        return self._take(end if size < 0 else min(end, size))

    def readlines(self, hint: int = -1) -> list[bytes]:
        """All lines that are left. Raises TooSlow."""
        return list(self)

    def __iter__(self) -> Iterator[bytes]:
        return iter(self.readline, b"")

    def discard(self) -> None:
        """Read what is left and forget it, as long as it arrives fast."""
        until = self._waited + DISCARD_SECONDS

        def is_enough() -> bool:
            self._buffer.clear()
            return self._waited > until

        with suppress(TooSlow):
            self._fill(is_enough)

    @cached_property
    def _address(self) -> str:
        request = HttpRequest()
        request.META = self._environ
        return client_address(request)

    def _take(self, size: int) -> bytes:
        taken = bytes(self._buffer[:size])
        del self._buffer[:size]
        return taken

    def _fill(self, is_enough: Callable[[], bool]) -> None:
        """Read until it is enough, or all. Raises TooSlow, and then there is nothing left to read."""
        if self._has_ended or is_enough():
            return
        try:
            with self._places.one(self._address):
                # Each part is twice as large as the one before: few for a body that is there, and whoever sends byte
                # by byte is caught. The server's own `read` returns when all was read that it was asked for.
                asked = 4
                while not (self._has_ended or is_enough()):
                    self._part(asked)
                    asked = min(2 * asked, PART)
        except TooSlow:
            self._has_ended = True
            raise

    def _part(self, asked: int) -> None:
        size = asked if self._left is None else min(asked, self._left)
        began = self._clock()
        with watchdog.watching(self._environ):
            part = self._source.read(size)
        self._waited += self._clock() - began
        self._received += len(part)
        self._buffer += part
        if self._left is not None:
            self._left -= len(part)
            if len(part) < size:
                # What arrived of it would be taken for the whole of a form.
                raise TooSlow("The body broke off.")
        self._has_ended = len(part) < size or self._left == 0
        if not self._has_ended and self._waited > PATIENCE_SECONDS + self._received / BYTES_PER_SECOND:
            raise TooSlow("The body did not arrive in time.")


class Watchdog:
    """Ends the connections of bodies that come no more. Its thread begins with the first body of the process."""

    def __init__(self) -> None:
        self._reads: dict[int, tuple[float, str]] = {}  # by thread: since when, and from which address
        self._has_begun = False
        self._one_at_a_time = threading.Lock()

    @contextmanager
    def watching(self, environ: WSGIEnvironment) -> Iterator[None]:
        """Watch the read of this thread for the length of the block.

        Not behind proxies: there all connections come from the same few addresses, and a load balancer ends those on
        which nothing moves.
        """
        if settings.NUM_PROXIES:
            yield
            return
        if not self._has_begun:
            self._begin()
        thread = threading.get_ident()
        self._reads[thread] = (time.monotonic(), environ.get("REMOTE_ADDR", ""))
        try:
            yield
        finally:
            del self._reads[thread]

    def look(self) -> None:
        """End the connections of clients that have kept a read waiting for too long."""
        late = time.monotonic() - PATIENCE_SECONDS
        for address in {address for since, address in list(self._reads.values()) if since < late}:
            end_idle(address, PATIENCE_SECONDS)

    def _begin(self) -> None:
        with self._one_at_a_time:
            if not self._has_begun:
                threading.Thread(target=self._run, name="bodies", daemon=True).start()
                self._has_begun = True

    def _run(self) -> None:
        while True:
            time.sleep(1)
            if self._reads:
                self.look()


watchdog = Watchdog()


def _whole_number(text: str) -> int:
    return int(text) if text.isdecimal() else 0


class ChunkedBodies:
    """A WSGI application for which a body in chunks (RFC 9112 section 7.1) is one with a Content-Length.

    Django takes a body without a Content-Length for none, as PEP 3333 lets it. What `RequestLimits` lets pass is read
    before the application is called, up to one byte more than the limit of all bodies.
    """

    def __init__(self, application: WSGIApplication) -> None:
        self._application = application

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        """The application's answer."""
        if "HTTP_TRANSFER_ENCODING" in environ:
            environ = _with_length(environ)
        return self._application(environ, start_response)


def _with_length(environ: WSGIEnvironment) -> WSGIEnvironment:
    try:
        content = environ["wsgi.input"].read(settings.DATA_UPLOAD_MAX_MEMORY_SIZE + 1)
    except TooSlow:
        return refused(environ, BODY_TOO_SLOW)
    del environ["HTTP_TRANSFER_ENCODING"]
    return {**environ, "CONTENT_LENGTH": str(len(content)), "wsgi.input": io.BytesIO(content)}


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
