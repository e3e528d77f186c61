"""The pool's keys: fetched seldom, by one for all, and kept through outages."""

import itertools
import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import SimpleNamespace
from typing import Any

import pytest
import urllib3

from accounts.tokens import keys
from accounts.tokens.keys import KeyStore, KeysUnavailable, fetch_document
from accounts.tokens.testing import jwk, new_key
from accounts.tokens.verifier import parse_key_set

HOUR = 3600.0


class Endpoint:
    """A key endpoint with a clock: counts its calls, and answers with names of keys, or with a failure."""

    def __init__(self, *names: str) -> None:
        self.names = list(names)
        self.calls = 0
        self.seconds = 0.0
        self.down = False
        self.store: KeyStore[str] = KeyStore("", self._parse, fetch=self._fetch, clock=lambda: self.seconds)

    def _fetch(self, _: str) -> bytes:
        self.calls += 1
        if self.down:
            raise OSError
        return " ".join(self.names).encode()

    def _parse(self, document: bytes) -> dict[str, str]:
        if not document:
            raise ValueError
        return {name: f"key {name}" for name in document.decode().split()}


def test_keys_are_fetched_when_first_needed_and_then_kept() -> None:
    endpoint = Endpoint("a")
    assert endpoint.calls == 0
    assert [endpoint.store.get("a") for _ in range(5)] == ["key a"] * 5
    assert endpoint.calls == 1


def test_an_unknown_kid_is_asked_for_again_at_most_once_in_ten_seconds() -> None:
    endpoint = Endpoint("a")
    endpoint.store.get("a")
    endpoint.seconds = 9.9
    assert [endpoint.store.get(f"random {number}") for number in range(50)] == [None] * 50
    assert endpoint.calls == 1
    endpoint.seconds = 10
    assert [endpoint.store.get(f"random {number}") for number in range(50)] == [None] * 50
    assert endpoint.calls == 2


def test_a_new_key_is_found_and_a_withdrawn_one_is_dropped() -> None:
    endpoint = Endpoint("old")
    endpoint.store.get("old")
    endpoint.names = ["new"]
    endpoint.seconds = 10
    assert endpoint.store.get("new") == "key new"
    assert endpoint.store.get("old") is None


def test_the_cool_down_counts_failures_too() -> None:
    endpoint = Endpoint("a")
    endpoint.store.get("a")
    endpoint.down = True
    endpoint.seconds = 10
    endpoint.store.get("unknown")
    endpoint.seconds = 19
    endpoint.store.get("unknown")
    assert endpoint.calls == 2


def test_without_any_keys_the_next_try_is_five_seconds_later() -> None:
    endpoint = Endpoint("a")
    endpoint.down = True
    with pytest.raises(KeysUnavailable) as unavailable:
        endpoint.store.get("a")
    assert unavailable.value.retry_after == 5
    endpoint.seconds, endpoint.down = 4.9, False
    with pytest.raises(KeysUnavailable) as unavailable:
        endpoint.store.get("a")
    assert unavailable.value.retry_after == 1
    assert endpoint.calls == 1
    endpoint.seconds = 5
    assert endpoint.store.get("a") == "key a"


@pytest.mark.parametrize("answer", [[], None], ids=["empty", "no answer"])
def test_a_bad_answer_never_takes_the_keys_away(answer: list[str] | None) -> None:
    endpoint = Endpoint("a")
    endpoint.store.get("a")
    endpoint.names, endpoint.down = answer or [], answer is None
    endpoint.seconds = 10
    assert endpoint.store.get("unknown") is None
    assert endpoint.store.get("a") == "key a"


def test_held_keys_serve_for_a_day_of_outage_and_no_longer() -> None:
    endpoint = Endpoint("a")
    endpoint.store.get("a")
    endpoint.down = True
    endpoint.seconds = 24 * HOUR - 1
    assert endpoint.store.get("a") == "key a"
    endpoint.seconds = 24 * HOUR
    _wait_for_refresh()
    with pytest.raises(KeysUnavailable):
        endpoint.store.get("a")


def test_old_keys_are_refreshed_behind_the_back_of_those_they_serve() -> None:
    endpoint = Endpoint("a")
    endpoint.store.get("a")
    endpoint.names = ["b"]
    endpoint.seconds = 5 * HOUR
    assert endpoint.store.get("a") == "key a"
    _wait_for_refresh()
    assert endpoint.calls == 2
    assert endpoint.store.get("b") == "key b"
    assert endpoint.calls == 2


def test_one_fetch_serves_all_who_wait_for_it() -> None:
    release = threading.Event()
    calls = []

    def fetch(_: str) -> bytes:
        calls.append(1)
        release.wait(30)
        return b"a"

    store: KeyStore[str] = KeyStore("", lambda document: {document.decode(): "key"}, fetch=fetch)
    found: list[str | None] = []
    threads = [threading.Thread(target=lambda: found.append(store.get("a"))) for _ in range(8)]
    for thread in threads:
        thread.start()
    release.set()
    for thread in threads:
        thread.join()
    assert found == ["key"] * 8
    assert len(calls) == 1


def test_nobody_whose_key_is_held_waits_for_a_fetch() -> None:
    started, release = threading.Event(), threading.Event()
    seconds = [0.0]

    def fetch(_: str) -> bytes:
        if seconds[0]:
            started.set()
            release.wait(30)
        return b"a"

    store: KeyStore[str] = KeyStore(
        "", lambda document: {document.decode(): "key"}, fetch=fetch, clock=lambda: seconds[0]
    )
    store.get("a")
    seconds[0] = 10
    asking = threading.Thread(target=store.get, args=("unknown",))
    asking.start()
    assert started.wait(30)
    assert store.get("a") == "key"  # answered while the fetch hangs
    assert asking.is_alive()
    release.set()
    asking.join()


def test_in_an_outage_nobody_waits_for_the_try_of_another(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("accounts.tokens.keys.FETCH_TIMEOUT_SECONDS", 60.0)
    started, release = threading.Event(), threading.Event()
    seconds = [0.0]

    def fetch(_: str) -> bytes:
        if seconds[0]:
            started.set()
            release.wait(30)
        raise OSError

    store: KeyStore[str] = KeyStore("", lambda document: {}, fetch=fetch, clock=lambda: seconds[0])
    with pytest.raises(KeysUnavailable):
        store.get("a")
    seconds[0] = 6
    trying = threading.Thread(target=store.ready)
    trying.start()
    assert started.wait(30)
    found: list[bool] = []
    asking = threading.Thread(target=lambda: found.append(store.ready()), daemon=True)
    asking.start()
    asking.join(30)
    assert found == [False]  # answered while the fetch hangs
    assert trying.is_alive()
    release.set()
    trying.join()


def _wait_for_refresh() -> None:
    for thread in threading.enumerate():
        if thread.name == "key-set-refresh":
            thread.join(30)


# --- The document ---


def test_only_rsa_signing_keys_are_taken() -> None:
    key = new_key("taken")
    members = [
        jwk("good", key),
        jwk("plain", key) | {"use": "sig"},
        jwk("for encryption", key, use="enc"),
        jwk("of another algorithm", key, alg="RS512"),
        {"kty": "EC", "kid": "curve", "crv": "P-256", "x": "x", "y": "y"},
        {"kty": "oct", "kid": "secret", "k": "c2VjcmV0"},
        {"kty": "RSA", "kid": "broken", "n": "!", "e": "AQAB"},
        jwk("", key) | {"kid": 7},
    ]
    assert set(parse_key_set(json.dumps({"keys": members}).encode())) == {"good", "plain"}


@pytest.mark.parametrize("member", ["kty", "use", "alg", "kid", "n", "e", "d", "oth", "key_ops"])
@pytest.mark.parametrize("value", [7, -1, 0.5, None, True, [], {}, ["sig"], "", "AA", "-", "é"])
def test_one_odd_member_of_a_set_costs_no_other_key(member: str, value: Any) -> None:
    odd = jwk("odd", new_key("odd")) | {member: value}
    for members in ([odd, jwk("good", new_key("taken"))], [jwk("good", new_key("taken")), odd]):
        assert "good" in parse_key_set(json.dumps({"keys": members}).encode())


@pytest.mark.parametrize(
    "document",
    [b"", b"<html>", b"[]", b"{}", b'{"keys": []}', b'{"keys": null}', b'{"keys": [1]}', b'{"keys": {"a": 1}}'],
)
def test_garbage_is_no_key_set(document: bytes) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 - any ValueError means that the held keys stay
        parse_key_set(document)


# --- The fetch ---


@contextmanager
def _server(respond: Callable[[BaseHTTPRequestHandler], None]) -> Iterator[str]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            respond(self)

        def log_message(self, *_: object) -> None: ...

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/jwks.json"
    finally:
        server.shutdown()
        server.server_close()


def _answer(handler: BaseHTTPRequestHandler, status: int, body: bytes, **headers: str) -> None:
    handler.send_response(status)
    handler.send_header("Content-Length", str(len(body)))
    for name, value in headers.items():
        handler.send_header(name, value)
    handler.end_headers()
    handler.wfile.write(body)


def test_a_document_is_fetched() -> None:
    with _server(lambda handler: _answer(handler, 200, b"document")) as url:
        assert fetch_document(url) == b"document"


@pytest.mark.parametrize("status", [302, 404, 500])
def test_anything_but_a_200_is_a_failure(status: int) -> None:
    with (
        _server(lambda handler: _answer(handler, status, b"x", Location="/elsewhere")) as url,
        pytest.raises(ValueError, match=str(status)),
    ):
        fetch_document(url)


def test_a_document_without_end_is_cut_off() -> None:
    body = b"x" * (keys.MAX_DOCUMENT_BYTES + 1)
    with _server(lambda handler: _answer(handler, 200, body)) as url, pytest.raises(ValueError, match="too large"):
        fetch_document(url)


def test_a_drip_of_bytes_does_not_hold_the_request_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    # Each look at the clock is ten seconds after the one before: nobody waits, and no socket is given up too early.
    seconds = itertools.count(0, 10)
    monkeypatch.setattr(keys, "time", SimpleNamespace(monotonic=lambda: next(seconds)))
    monkeypatch.setattr(keys, "FETCH_TIMEOUT_SECONDS", 30)
    enough = threading.Event()

    def drip(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(200)
        handler.send_header("Content-Length", "1000")
        handler.end_headers()
        for _ in range(1000):
            if enough.wait(0.05):
                return
            handler.wfile.write(b"x")
            handler.wfile.flush()

    with _server(drip) as url:
        with pytest.raises(ValueError, match="too slowly"):
            fetch_document(url)
        enough.set()


def test_an_endpoint_that_is_not_there_fails_at_once() -> None:
    with pytest.raises(urllib3.exceptions.HTTPError):
        fetch_document("http://127.0.0.1:1/jwks.json")
