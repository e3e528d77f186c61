"""Clients that send slowly hold some threads of a worker, never all, and not for long."""

import io
import threading
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any
from wsgiref.types import StartResponse, WSGIEnvironment

import pytest
from pytest_django.fixtures import Settings

from config import bodies
from config.bodies import MAX_PART, RESERVED_SLOTS, SLOTS, AddressBulkhead, Body, SlowBodies, TooSlow, in_utf8
from config.serve import BLOCKING_THREADS
from tests.accounts.test_bulkhead import Clock
from tests.conftest import Client

CONTENT = b"".join(b"%d lines are here\n" % number for number in range(5000))
AMY, BEN, CAY = "192.0.2.1", "192.0.2.2", "192.0.2.3"


class Source:
    """A body whose parts come when `comes` is set, each taking `seconds` by `clock`."""

    def __init__(self, content: bytes = CONTENT, clock: Clock | None = None, seconds: float = 0.0) -> None:
        self._content, self._clock, self._seconds = io.BytesIO(content), clock, seconds
        self.comes, self.asked = threading.Event(), threading.Event()
        self.comes.set()

    def read(self, size: int) -> bytes:
        self.asked.set()
        self.comes.wait(60)
        part = self._content.read(size)
        if self._clock is not None:
            self._clock.now += self._seconds * len(part)
        return part


class BodyOf:
    """Makes what the application reads from; all of them share the slots of one worker."""

    def __init__(self) -> None:
        self.clock = Clock()
        self.slots = AddressBulkhead(SLOTS, RESERVED_SLOTS)

    def __call__(self, source: Source, length: int | None = len(CONTENT), address: str = AMY, **environ: str) -> Body:
        return Body(source, length, {"REMOTE_ADDR": address, **environ}, self.slots, self.clock)


@pytest.fixture
def body_of(monkeypatch: pytest.MonkeyPatch) -> BodyOf:
    monkeypatch.setattr(bodies, "WAIT_SECONDS", 0.01)
    return BodyOf()


@contextmanager
def waiting(body_of: BodyOf, count: int, address: str, **environ: str) -> Iterator[list[bytes]]:
    """So many clients that have stopped in the middle of their bodies; they go on at the end of the block."""
    got: list[bytes] = []
    with ExitStack() as stack:
        for _ in range(count):
            source = Source()
            source.comes.clear()
            body = body_of(source, len(CONTENT), address, **environ)
            thread = threading.Thread(target=lambda body=body: got.append(body.read()))
            thread.start()
            stack.callback(thread.join, 30)
            stack.callback(source.comes.set)
            assert source.asked.wait(30)
        yield got


def test_some_threads_of_every_worker_never_wait_for_bodies() -> None:
    assert SLOTS <= BLOCKING_THREADS - 3


# --- What is read ---


@pytest.mark.parametrize("length", [len(CONTENT), None], ids=["with a length", "in chunks"])
@pytest.mark.parametrize("size", [-1, len(CONTENT), len(CONTENT) + 1])
def test_a_whole_body_arrives_as_it_is(body_of: BodyOf, size: int, length: int | None) -> None:
    assert len(CONTENT) > MAX_PART
    assert body_of(Source(), length).read(size) == CONTENT


def test_a_part_is_as_long_as_asked_for_and_the_next_one_follows_it(body_of: BodyOf) -> None:
    body = body_of(Source())
    assert [body.read(size) for size in (0, 1, 7, 4000)] == [b"", CONTENT[:1], CONTENT[1:8], CONTENT[8:4008]]
    assert body.read() == CONTENT[4008:]
    assert body.read() == body.read(5) == b""


def test_lines_arrive_as_they_are(body_of: BodyOf) -> None:
    body = body_of(Source())
    assert body.readline(3) == b"0 l"
    assert body.readline() == b"ines are here\n"
    assert b"".join(body.readlines()) == CONTENT[17:]
    assert body_of(Source(b"no end"), 6).readlines() == [b"no end"]
    assert body_of(Source()).readline(2) == b"0 "


def test_a_body_that_broke_off_is_not_taken_for_a_whole_one(body_of: BodyOf) -> None:
    with pytest.raises(TooSlow):
        body_of(Source(CONTENT[:-1])).read()


# --- Who is waited for ---


def test_a_body_that_drips_is_given_up(body_of: BodyOf) -> None:
    with pytest.raises(TooSlow):
        body_of(Source(CONTENT, body_of.clock, seconds=1)).read()
    assert body_of.clock.now <= 2 * bodies.TIMEOUT_SECONDS + 8


def test_a_large_body_has_the_time_that_it_needs(body_of: BodyOf) -> None:
    content = b"a" * 1024 * 1024
    fast_enough = 1 / bodies.BYTES_PER_SECOND
    assert body_of(Source(content, body_of.clock, fast_enough), len(content)).read() == content
    with pytest.raises(TooSlow):
        body_of(Source(content, body_of.clock, 2 * fast_enough), len(content)).read()


def test_one_address_leaves_slots_to_the_others(body_of: BodyOf) -> None:
    with waiting(body_of, SLOTS - RESERVED_SLOTS, AMY):
        with pytest.raises(TooSlow):
            body_of(Source(), address=AMY).read()
        assert body_of(Source(), address=BEN).read() == CONTENT


def test_nobody_waits_for_slots_that_slow_clients_have_held_for_long(
    body_of: BodyOf, monkeypatch: pytest.MonkeyPatch
) -> None:
    with waiting(body_of, SLOTS - RESERVED_SLOTS, AMY), waiting(body_of, RESERVED_SLOTS, BEN):
        told: list[float] = []
        monkeypatch.setattr(body_of.slots._changed, "wait_for", lambda _, seconds: told.append(seconds))
        for address in (AMY, BEN):
            body_of.slots._last_taken[address] -= 60
        for address in (AMY, CAY):
            with pytest.raises(TooSlow):
                body_of(Source(), len(CONTENT), address).read()
        assert told == [0.0, 0.0]


def test_every_address_can_have_one_place_while_there_is_any(body_of: BodyOf) -> None:
    with (
        waiting(body_of, SLOTS - RESERVED_SLOTS, AMY) as amy,
        waiting(body_of, RESERVED_SLOTS, BEN),
        pytest.raises(TooSlow),
    ):
        body_of(Source(), address=CAY).read()
    assert amy == [CONTENT] * (SLOTS - RESERVED_SLOTS)
    assert body_of(Source(), address=AMY).read() == CONTENT, "the slots are free again"


def test_an_address_is_that_of_the_client_and_not_of_the_proxy(body_of: BodyOf, settings: Settings) -> None:
    settings.NUM_PROXIES = 1
    with waiting(body_of, SLOTS - RESERVED_SLOTS, AMY, HTTP_X_FORWARDED_FOR=BEN):
        assert body_of(Source(), address=AMY, HTTP_X_FORWARDED_FOR=CAY).read() == CONTENT


@pytest.mark.parametrize("proxies, ended", [(0, [AMY]), (1, [])])
def test_the_watchdog_ends_the_connections_of_late_bodies_that_come_directly(
    body_of: BodyOf, settings: Settings, monkeypatch: pytest.MonkeyPatch, proxies: int, ended: list[str]
) -> None:
    settings.NUM_PROXIES = proxies
    told: list[str] = []
    monkeypatch.setattr(bodies, "end_idle", lambda address, _: told.append(address))
    with waiting(body_of, 2, AMY):
        bodies.watchdog.check()
        assert told == [], "not yet"
        monkeypatch.setattr(bodies, "TIMEOUT_SECONDS", 0.0)
        bodies.watchdog.check()
    assert [*dict.fromkeys(told)] == ended


# --- In the application ---


def serve(application: Any, source: Any, **environ: str) -> Iterable[bytes]:
    given = {"wsgi.input": source, "REMOTE_ADDR": AMY, "CONTENT_LENGTH": str(len(CONTENT)), **environ}
    return SlowBodies(application)(given, lambda *_: print)


def test_a_body_that_is_there_already_is_left_alone() -> None:
    there = io.BytesIO(CONTENT)
    (answered,) = serve(lambda environ, _: [environ["wsgi.input"]], there)
    assert answered is there  # type: ignore[comparison-overlap]


def test_what_is_left_unread_is_read_so_that_the_answer_arrives() -> None:
    source = Source()
    assert serve(lambda environ, _: [environ["wsgi.input"].read(3)], source) == [CONTENT[:3]]
    assert source.read(1) == b""


def test_nobody_is_asked_for_a_body_that_waits_for_100_continue() -> None:
    source = Source()
    assert serve(lambda *_: [b"no"], source, HTTP_EXPECT="100-continue") == [b"no"]
    assert not source.asked.is_set()


class Never(io.BytesIO):
    """A body that does not arrive in time."""

    def read(self, *_: Any) -> bytes:
        raise TooSlow


@pytest.mark.django_db
def test_the_api_says_408(uma: Client) -> None:
    extra: Any = {"wsgi.input": Never(), "CONTENT_LENGTH": "20"}
    answer = uma.generic("POST", "/api/v1/books/", "{}", "application/json", **extra)
    assert (answer.status_code, answer.json()["code"]) == (408, "request_timeout")


@pytest.mark.django_db
def test_pages_say_408_and_not_that_a_token_is_missing(visitor: Client) -> None:
    extra: Any = {"wsgi.input": Never(), "CONTENT_LENGTH": "20"}
    answer = visitor.generic("POST", "/accounts/sign-in/", "a=b", "application/x-www-form-urlencoded", **extra)
    assert answer.status_code == 408


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
    environ: WSGIEnvironment = {} if sent is None else {"CONTENT_TYPE": sent}

    def application(given: WSGIEnvironment, _: StartResponse) -> Iterable[bytes]:
        assert given.get("CONTENT_TYPE") == understood
        return [b"seen"]

    assert in_utf8(application)(environ, lambda *_: print) == [b"seen"]
