"""Clients that send slowly hold some threads of a worker, never all."""

import io
import threading
from collections.abc import Iterable, Iterator
from typing import Any
from wsgiref.types import StartResponse, WSGIEnvironment

import pytest

from config.bodies import AT_ONCE, PATIENCE_SECONDS, SlowBodies, TooSlow, in_utf8
from config.serve import BLOCKING_THREADS
from tests.accounts.test_slots import Clock
from tests.conftest import Client


class Drip:
    """A body that takes `seconds` a byte, by `clock`; like the server's, `read` waits for all that it is asked for."""

    def __init__(self, content: bytes, clock: Clock, seconds: float = 0.0) -> None:
        self._content, self._clock, self._seconds = io.BytesIO(content), clock, seconds

    def read(self, size: int) -> bytes:
        part = self._content.read(size)
        self._clock.now += self._seconds * len(part)
        return part

    def readline(self, size: int) -> bytes:
        part = self._content.readline(size)
        self._clock.now += self._seconds * len(part)
        return part


CONTENT = b"".join(b"%d lines are here\n" % number for number in range(5000))


def body_of(inner: Any, clock: Clock) -> Any:
    """What the application gets for a body."""
    got: list[Any] = []

    def application(environ: WSGIEnvironment, _: StartResponse) -> Iterable[bytes]:
        got.append(environ["wsgi.input"])
        return []

    SlowBodies(application, clock)({"wsgi.input": inner}, lambda *_: print)
    return got[0]


@pytest.fixture
def clock() -> Clock:
    return Clock()


def test_some_threads_of_every_worker_never_wait_for_bodies() -> None:
    assert AT_ONCE < BLOCKING_THREADS


@pytest.mark.parametrize("size", [-1, len(CONTENT), len(CONTENT) + 1])
def test_a_whole_body_arrives_as_it_is(clock: Clock, size: int) -> None:
    assert body_of(Drip(CONTENT, clock), clock).read(size) == CONTENT


def test_a_part_is_as_long_as_asked_for_and_the_next_one_follows_it(clock: Clock) -> None:
    body = body_of(Drip(CONTENT, clock), clock)
    assert [body.read(size) for size in (0, 1, 7, 4000)] == [b"", CONTENT[:1], CONTENT[1:8], CONTENT[8:4008]]
    assert body.read() == CONTENT[4008:]
    assert body.read() == body.read(5) == b""


def test_lines_arrive_as_they_are(clock: Clock) -> None:
    body = body_of(Drip(CONTENT, clock), clock)
    assert body.readline(3) == b"0 l"
    assert body.readline() == b"ines are here\n"
    assert b"".join(body.readlines()) == CONTENT[17:]


def test_a_body_that_drips_is_given_up(clock: Clock) -> None:
    with pytest.raises(TooSlow):
        body_of(Drip(CONTENT, clock, seconds=1), clock).read()
    assert clock.now <= 2 * PATIENCE_SECONDS + 8


def test_a_large_body_over_a_slow_line_is_taken(clock: Clock) -> None:
    assert body_of(Drip(CONTENT, clock, seconds=PATIENCE_SECONDS / len(CONTENT) / 2), clock).read() == CONTENT


def test_a_body_that_is_there_already_is_left_alone(clock: Clock) -> None:
    there = io.BytesIO(CONTENT)
    assert body_of(there, clock) is there


class Silent:
    """A body that comes when told to."""

    def __init__(self) -> None:
        self.asked, self.comes = threading.Event(), threading.Event()

    def read(self, _: int) -> bytes:
        self.asked.set()
        self.comes.wait(60)
        return b""


@pytest.fixture
def silent() -> Iterator[list[Silent]]:
    bodies = [Silent() for _ in range(AT_ONCE)]
    yield bodies
    for body in bodies:
        body.comes.set()


def test_while_all_places_are_held_the_next_is_refused_and_then_served_again(
    silent: list[Silent], clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("config.bodies.WAIT_SECONDS", 0.01)
    application = SlowBodies(lambda environ, _: [environ["wsgi.input"].read()], clock)

    def ask(body: Any) -> Iterable[bytes]:
        return application({"wsgi.input": body}, lambda *_: print)

    threads = [threading.Thread(target=ask, args=(body,)) for body in silent]
    for thread, body in zip(threads, silent, strict=True):
        thread.start()
        assert body.asked.wait(30)
    with pytest.raises(TooSlow):
        ask(Drip(CONTENT, clock))
    for thread, body in zip(threads, silent, strict=True):
        body.comes.set()
        thread.join(30)
    assert ask(Drip(CONTENT, clock)) == [CONTENT]


@pytest.mark.django_db
def test_the_api_says_408(uma: Client) -> None:
    class Never(io.BytesIO):
        def read(self, *_: Any) -> bytes:
            raise TooSlow

    extra: Any = {"wsgi.input": Never(), "CONTENT_LENGTH": "20"}
    answer = uma.generic("POST", "/api/v1/books/", "{}", "application/json", **extra)
    assert (answer.status_code, answer.json()["code"]) == (408, "request_timeout")


@pytest.mark.parametrize(
    "sent, understood",
    [
        ("application/json; charset=iso-8859-1", "application/json"),
        ("text/plain;CHARSET=hex", "text/plain"),
        ("application/json; charset*=utf-8''utf-16", "application/json"),
        ('multipart/form-data; boundary="a b"; charset=punycode', "multipart/form-data; boundary=a b"),
        ("multipart/form-data; boundary=x", "multipart/form-data; boundary=x"),
        ("application/json", "application/json"),
        (None, None),
    ],
)
def test_text_is_utf_8_whatever_a_charset_says(sent: str | None, understood: str | None) -> None:
    environ = {} if sent is None else {"CONTENT_TYPE": sent}
    in_utf8(lambda environ, _: [])(environ, lambda *_: print)
    assert environ.get("CONTENT_TYPE") == understood
