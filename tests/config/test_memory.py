"""Memory: nothing that strangers send is kept for ever, neither by us nor by a library."""

import functools
import gc
import logging
import weakref
from collections import deque
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.core.handlers.wsgi import WSGIHandler
from django.core.signals import request_finished, request_started
from django.db import close_old_connections, connection
from django.test import RequestFactory
from langcodes import Language

from accounts.tokens import verifier as tokens
from accounts.tokens.testing import Pool
from books import standards, writing
from books.fast import cache
from books.standards import language_tag
from tests.books.conftest import AUTHORS, BOOKS


@pytest.fixture(autouse=True)
def _little_is_kept(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """pytest keeps every line of the log. And what is kept up to a limit of ours is kept up to a small one."""
    monkeypatch.setattr(standards, "MAX_TAGS_KEPT", 10)
    monkeypatch.setattr(tokens, "CACHED_TOKENS", 10)
    monkeypatch.setattr(cache, "MAX_BYTES", 10_000)
    logging.disable()
    yield
    logging.disable(logging.NOTSET)


TIMES = 60  # each thing is sent with another value each time
GROWN = 40  # entries; what grows by as many keeps a good part of what was sent


def containers() -> Iterator[tuple[int, Any, int]]:
    """Everything that can hold entries: its id, itself, and how many it holds."""
    for thing in gc.get_objects():
        if type(thing) is functools._lru_cache_wrapper:
            info = thing.cache_info()
            if info.maxsize is None:
                yield id(thing), thing, info.currsize
        # By their types' own: a lazy object of Django's would be made by being asked what it is.
        elif issubclass(type(thing), dict | list | set | deque) and not _is_of_sqlite(thing):
            yield id(thing), thing, len(thing)


def _is_of_sqlite(thing: Any) -> bool:
    """Whether it is the list of cursors that a connection of Python's sqlite3 clears out every two hundred."""
    return type(thing) is list and bool(thing) and type(thing[0]) is weakref.ref


def grown(act: Callable[[int], Any]) -> list[str]:
    """What holds many more entries after `act` was called with ever new numbers than it did before."""
    for number in range(20):
        act(number)
    gc.collect()
    before = {key: size for key, _, size in containers()}
    for number in range(1000, 1000 + TIMES):
        act(number)
    gc.collect()
    return [
        f"{type(thing)} with {size} entries, held by {[type(holder).__name__ for holder in gc.get_referrers(thing)]}"
        for key, thing, size in [*containers()]
        if size - before.get(key, size) >= GROWN and thing is not before
    ]


QUERIES = {
    "language": "x-a{}",
    "search": "whale{}",
    "author": "Nobody {}",
    "subject": "Sea {}",
    "isbn": "978{}",
    "id": "{}",
    "added_by": "sub-{}",
    "published_from": "{}",
    "min_rating": "0.{}",
    "ordering": "title{}",
    "cursor": "bm9wZQ{}",
    "page_size": "{}",
    "unknown{}": "1",
}
HEADERS = {
    "Accept": "application/x{}, text/html;level={}",
    "Accept-Language": "x-a{}",
    "Accept-Encoding": "x{}",
    "Authorization": "Bearer e30.e30.{}",
    "Cookie": "sessionid=a{}; csrftoken=b{}; n{}=1",
    "Host": "h{}.example.com",
    "If-None-Match": '"{}"',
    "Origin": "https://h{}.example.com",
    "Referer": "https://h{}.example.com/",
    "User-Agent": "browser/{}",
    "X-Forwarded-For": "10.0.0.{}",
    "X-Request-ID": "id-{}",
    "X-Name-{}": "1",
}
PATHS = (
    f"{BOOKS}{{}}/",
    f"{AUTHORS}{{}}/",
    "/api/{}/",
    "/nowhere/{}",
    "/static/{}.css",
    "/accounts/sign-in/?next=/p{}",
    "/admin/books/book/{}/change/",
    "/api/schema/?format={}",
    "/api/schema/?lang=x{}",
)


@pytest.fixture
def send(db: None) -> Iterator[Callable[..., int]]:
    """Sends a request to the service as its server does, and gives the status of the answer.

    Django's test client keeps something of each of its requests itself.
    """
    writing.add(title="Moby-Dick", author_names=["Herman Melville"])
    if connection.vendor == "postgresql":
        connection.connection.prepared_max = 10  # psycopg keeps a hundred statements of each connection
    handler, factory = WSGIHandler(), RequestFactory()

    def sent(path: str, body: str | None = None, **how: Any) -> int:
        request = factory.get(path, **how) if body is None else factory.post(path, body, **how)
        begun: list[str] = []
        begin: Any = lambda status, headers, *rest: begun.append(status)  # noqa: E731
        answer = handler(request.environ, begin)
        b"".join(answer)
        answer.close()
        return int(begun[0].split()[0])

    # As the test client does: the connection has the transaction of this test.
    for signal in (request_started, request_finished):
        signal.disconnect(close_old_connections)
    yield sent
    for signal in (request_started, request_finished):
        signal.connect(close_old_connections)


@pytest.mark.parametrize("name, value", QUERIES.items())
def test_what_strangers_ask_for_is_not_kept(send: Callable[..., int], name: str, value: str) -> None:
    def get(number: int) -> None:
        assert send(BOOKS, query_params={name.format(number): value.format(number)}) in (200, 400)

    assert grown(get) == []


@pytest.mark.parametrize("name, value", HEADERS.items())
def test_no_header_of_strangers_is_kept(send: Callable[..., int], name: str, value: str) -> None:
    path = "/" if name in ("Accept-Language", "Cookie", "Host") else BOOKS
    assert grown(lambda number: send(path, headers={name.format(number): value.replace("{}", str(number))})) == []


@pytest.mark.parametrize("path", PATHS)
def test_no_path_of_strangers_is_kept(send: Callable[..., int], path: str) -> None:
    assert grown(lambda number: send(path.format(number))) == []


@pytest.mark.parametrize("kind", ["application/x{}", "application/json; x={}", "multipart/form-data; boundary={}"])
def test_no_body_of_strangers_is_kept(send: Callable[..., int], kind: str) -> None:
    def post(number: int) -> None:
        send("/api/v1/accounts/sign-out/", f'{{"n{number}": 1}}', content_type=kind.format(number))

    assert grown(post) == []


@pytest.mark.parametrize("name, value", [("kid", "k{}"), ("iss", "https://h{}.example.com"), ("client_id", "c{}")])
def test_no_claim_of_strangers_is_kept(send: Callable[..., int], pool: Pool, name: str, value: str) -> None:
    def get(number: int) -> None:
        claims, said = pool.access_claims("Mallory"), value.format(number)
        token = pool.sign(claims, kid=said) if name == "kid" else pool.sign({**claims, name: said})
        assert send(BOOKS, headers={"Authorization": f"Bearer {token}"}) == 401

    assert grown(get) == []


def test_language_tags_are_kept_up_to_a_limit_valid_or_not() -> None:
    for number in range(3 * standards.MAX_TAGS_KEPT):
        for form in ("x-a{}", "en-x-a{}", "q{}"):
            try:
                language_tag(form.format(number))
            except ValueError:
                continue
    assert len(Language._PARSE_CACHE) <= standards.MAX_TAGS_KEPT + 10
    assert len(Language._INSTANCES) <= standards.MAX_TAGS_KEPT + 10
    assert standards._canonical_tag.cache_info().maxsize is not None
