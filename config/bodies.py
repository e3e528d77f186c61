"""Reading of request bodies, bounded in time and in threads (a bulkhead against slow clients).

The server reads a body when the application asks for it, in a thread of the worker, without a time-out: a few clients
that stop in the middle of a body would block all threads. Therefore each read takes one of `SLOTS` slots. Each client
address may have one; it gets a further slot only while more than `RESERVED_SLOTS` are free. So several clients behind
one address can send at the same time, and no address can take every slot.

A body may take `TIMEOUT_SECONDS`, plus its size at `BYTES_PER_SECOND`. A slow body is detected when its next bytes
arrive; a stalled one by a watchdog, which ends its connection. granian's `read` has no time-out and cannot be
cancelled, and a read abandoned by its thread blocks the whole worker (observed with granian 2.8).
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

SLOTS = 5  # of a worker's eight threads
RESERVED_SLOTS = 1  # for addresses that hold none
WAIT_SECONDS = 0.3  # for a slot, since the last one was taken
TIMEOUT_SECONDS = 5.0
BYTES_PER_SECOND = 32 * 1024
MAX_PART = 64 * 1024  # bytes per read
DISCARD_SECONDS = 5.0  # for the part of a body that the application did not read


class TooSlow(OSError):
    """The body did not arrive in time, or is incomplete. Django converts it to UnreadablePostError."""


class SlowBodies:
    """WSGI middleware that limits how many threads wait for request bodies. `clock` is monotonic, in seconds."""

    def __init__(self, application: WSGIApplication, clock: Callable[[], float] = time.monotonic) -> None:
        self._application = application
        self._clock = clock
        self._slots = AddressBulkhead(SLOTS, RESERVED_SLOTS)

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        """The application's response.

        The unread rest of the body is read and discarded: most clients send the whole body before they read the
        response, and would see a connection reset.
        """
        source = environ["wsgi.input"]
        is_chunked = "HTTP_TRANSFER_ENCODING" in environ
        if isinstance(source, io.BytesIO) or not (is_chunked or environ.get("CONTENT_LENGTH")):
            return self._application(environ, start_response)
        length = None if is_chunked else _whole_number(environ["CONTENT_LENGTH"])
        body = environ["wsgi.input"] = Body(source, length, environ, self._slots, self._clock)
        answer = self._application(environ, start_response)
        if "HTTP_EXPECT" not in environ:  # who waits for "100 Continue" has sent no body (RFC 9110 section 10.1.1)
            body.discard()
        return answer


class AddressBulkhead:
    """A bulkhead of `number` slots, shared between client addresses. Thread-safe."""

    def __init__(self, number: int, reserved: int) -> None:
        self._free, self._reserved = number, reserved
        self._taken: Counter[str] = Counter()
        self._last_taken: dict[str, float] = {}  # monotonic seconds, by address
        self._changed = threading.Condition()

    @contextmanager
    def slot(self, address: str) -> Iterator[None]:
        """Hold a slot for the length of the block. Raises TooSlow when none is free for `address` in time."""
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
        """Wait for a slot for `address`, at most WAIT_SECONDS after the last one was taken. Raises TooSlow."""
        last = self._last_taken.get(address) or max(self._last_taken.values())
        seconds = last + WAIT_SECONDS - time.monotonic()
        if not self._changed.wait_for(lambda: self._is_free(address), max(seconds, 0.0)):
            raise TooSlow("Too many clients are sending slowly.")

    def _is_free(self, address: str) -> bool:
        return self._free > (self._reserved if address in self._taken else 0)


class Body:
    """`wsgi.input` (PEP 3333, "Input and Error Streams"), whose reads take a slot and have a time limit.

    `source` is the server's input. Only its `read` is used, because granian's `readline` drops line ends. `length` is
    in bytes; None for a chunked body.
    """

    def __init__(
        self,
        source: Any,
        length: int | None,
        environ: WSGIEnvironment,
        slots: AddressBulkhead,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._source, self._left, self._environ, self._slots, self._clock = source, length, environ, slots, clock
        self._buffer = bytearray()
        self._received = 0
        self._waited = 0.0  # seconds
        self._has_ended = length == 0

    def read(self, size: int = -1) -> bytes:
        """The next `size` bytes, fewer at the end; the rest of the body when `size` is negative. Raises TooSlow."""
        self._fill(lambda: 0 <= size <= len(self._buffer))
        return self._take(len(self._buffer) if size < 0 else size)

    def readline(self, size: int = -1) -> bytes:
        """The next line, or `size` bytes of it. Raises TooSlow."""
        self._fill(lambda: b"\n" in self._buffer or 0 <= size <= len(self._buffer))
        end = self._buffer.find(b"\n") + 1 or len(self._buffer)
        return self._take(end if size < 0 else min(end, size))

    def readlines(self, hint: int = -1) -> list[bytes]:
        """The remaining lines; `hint` is ignored. Raises TooSlow."""
        return list(self)

    def __iter__(self) -> Iterator[bytes]:
        return iter(self.readline, b"")

    def discard(self) -> None:
        """Read and discard the rest of the body, for at most DISCARD_SECONDS."""
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
        """Read until `is_enough()` or the end of the body. After TooSlow the body counts as ended."""
        if self._has_ended or is_enough():
            return
        try:
            with self._slots.slot(self._address):
                # Each read asks for twice as much as the one before: few reads for a body that has arrived, and a
                # check of the time after few bytes of a slow one. The server's `read` returns when it has them all.
                asked = 4
                while not (self._has_ended or is_enough()):
                    self._part(asked)
                    asked = min(2 * asked, MAX_PART)
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
                # The incomplete body could pass as a complete form.
                raise TooSlow("The body is incomplete.")
        self._has_ended = len(part) < size or self._left == 0
        if not self._has_ended and self._waited > TIMEOUT_SECONDS + self._received / BYTES_PER_SECOND:
            raise TooSlow("The body did not arrive in time.")


class Watchdog:
    """Ends the connections of stalled bodies, in a thread that starts with the first body of the process."""

    def __init__(self) -> None:
        self._reads: dict[int, tuple[float, str]] = {}  # by thread id: start (monotonic) and client address
        self._has_begun = False
        self._lock = threading.Lock()

    @contextmanager
    def watching(self, environ: WSGIEnvironment) -> Iterator[None]:
        """Watch the read of this thread for the length of the block.

        Nothing is watched behind proxies (NUM_PROXIES): there all connections have the proxies' addresses, and a load
        balancer ends idle connections itself.
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

    def check(self) -> None:
        """End the connections of clients whose reads have waited longer than TIMEOUT_SECONDS."""
        late = time.monotonic() - TIMEOUT_SECONDS
        for address in {address for since, address in list(self._reads.values()) if since < late}:
            end_idle(address, TIMEOUT_SECONDS)

    def _begin(self) -> None:
        with self._lock:
            if not self._has_begun:
                threading.Thread(target=self._run, name="bodies", daemon=True).start()
                self._has_begun = True

    def _run(self) -> None:
        while True:
            time.sleep(1)
            if self._reads:
                self.check()


watchdog = Watchdog()


def _whole_number(text: str) -> int:
    return int(text) if text.isdecimal() else 0


class ChunkedBodies:
    """WSGI middleware that gives a chunked body (RFC 9112 section 7.1) a Content-Length.

    Django treats a body without a Content-Length as empty, which PEP 3333 permits. A body that `RequestLimits` accepts
    is read before the application is called, up to one byte over DATA_UPLOAD_MAX_MEMORY_SIZE.
    """

    def __init__(self, application: WSGIApplication) -> None:
        self._application = application

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        """The application's response."""
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
    """WSGI middleware that removes the charset of the Content-Type: text is UTF-8 (RFC 8259 section 8.1; WHATWG URL).

    Django decodes body and query string, also of a GET, with that charset. The client would choose the decoding, and
    an unknown or non-text charset would cause a 500 without a body.
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
