"""An answer is given again while nothing has changed, to whoever may have it; and never when anything has.

Each client of these tests is a worker of its own: Django's test client builds its own chain of middleware, and with it
its own cache.
"""

import logging
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from django.db import connection, transaction
from django.http import HttpResponse
from django.test.utils import CaptureQueriesContext
from pytest_django.fixtures import Settings

from accounts.models import User
from accounts.tokens import revocation
from accounts.tokens.testing import Pool
from books import writing
from books.fast import cache, reading, version
from books.models import Author, AuthorQuerySet, Book
from books.pagination import KeysetPagination
from books.permissions import BOOK_POLICY
from tests.books.conftest import AUTHORS, BOOKS, titles
from tests.conftest import Client

EMMA = {"title": "Emma", "authors": ["Jane Austen"]}
PERSUASION = {"title": "Persuasion", "authors": ["Jane Austen"]}

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.skipif(connection.vendor != "postgresql", reason="Only PostgreSQL tells whether anything has changed."),
]


@pytest.fixture
def emma() -> Book:
    """The one book of the catalogue."""
    return writing.add(title="Emma", author_names=["Jane Austen"])


def again(client: Client, url: str = BOOKS, headers: dict[str, str] | None = None) -> bool:
    """Whether `client` gets an answer without that a book is read for it.

    Whoever writes to another database of the same server moves the snapshot too, and so does a checkpoint. So it is no
    only where two in a row were made anew while the version of everything stood still.
    """
    versions = [version._read("default")]
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        with CaptureQueriesContext(connection) as queries:
            assert client.get(url, headers=headers).status_code in (200, 304)
        if not [query for query in queries if "books_" in query["sql"]]:
            return True
        versions.append(version._read("default"))
        if len(versions) > 2 and len(set(versions[-3:])) == 1:
            return False
    return pytest.fail("The version of everything never stood still for two requests.")


@pytest.fixture
def _nobody_writes(monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither here nor to any other database of the same server: what is made anew has another reason."""
    monkeypatch.setattr(version, "_read", lambda database: "now")
    monkeypatch.setattr(reading, "version_sql", lambda connection: "'now'")


@pytest.mark.parametrize("url", [BOOKS, f"{BOOKS}?search=emma", f"{BOOKS}?ordering=title&page_size=5", AUTHORS])
def test_an_answer_is_given_again_with_all_its_headers(emma: Book, visitor: Client, url: str) -> None:
    first = visitor.get(url)
    assert again(visitor, url)
    second = visitor.get(url)
    assert second.content == first.content
    assert {**second.headers, "X-Request-ID": ""} == {**first.headers, "X-Request-ID": ""}
    assert second["X-Request-ID"] != first["X-Request-ID"]


def test_one_book_is_given_again_too(emma: Book, visitor: Client) -> None:
    url = f"{BOOKS}{emma.pk}/"
    visitor.get(url)
    assert again(visitor, url)


def test_everybody_may_have_the_answer_that_was_made_for_somebody_else(
    emma: Book, uma: Client, gwen: Client, visitor: Client
) -> None:
    worker = visitor
    for who in (uma, gwen):
        worker.bearing(who.token)
        worker.get(BOOKS)
    worker.bearing(uma.token)
    assert again(worker)


def _rename(emma: Book) -> None:
    writing.rename(emma.authors.get(), "J. Austen")


def _change(emma: Book) -> None:
    with transaction.atomic():
        writing.change(Book.objects.select_for_update().get(pk=emma.pk), title="Emma, again")


WRITES: dict[str, Callable[[Book], Any]] = {
    "a book is added": lambda emma: writing.add(title="Persuasion", author_names=["Jane Austen"]),
    "a book is changed": _change,
    "a book is deleted": lambda emma: writing.discard(emma),
    "an author is renamed": _rename,
    "many are changed at once": lambda emma: Book.objects.update(language="en"),
    "many are added at once": lambda emma: Book.objects.bulk_create([Book(title="Persuasion")]),
    "who added it is deleted": lambda emma: User.objects.get(sub="emmas-owner").delete(),
}


@pytest.mark.parametrize("write", WRITES.values(), ids=WRITES.keys())
def test_after_any_write_the_next_read_is_right(
    emma: Book, visitor: Client, gwen: Client, write: Callable[[Book], Any]
) -> None:
    Book.objects.filter(pk=emma.pk).update(added_by=User.objects.create(sub="emmas-owner", username="Owen"))
    before = [visitor.get(BOOKS).json(), gwen.get(BOOKS).json()]
    assert again(visitor)
    assert again(gwen)
    write(emma)
    after = [visitor.get(BOOKS).json(), gwen.get(BOOKS).json()]
    assert after[0] == after[1]
    assert after[0] != before[0]


def test_what_is_written_by_hand_is_seen_too(emma: Book, visitor: Client, by_hand: Callable[[str], None]) -> None:
    assert titles(visitor.get(BOOKS)) == ["Emma"]
    assert again(visitor)
    by_hand("UPDATE books_book SET title = 'Emma, by hand'")
    assert titles(visitor.get(BOOKS)) == ["Emma, by hand"]


def test_what_one_worker_acknowledges_the_other_shows(uma: Client, gwen: Client) -> None:
    for number in range(30):
        added = uma.post(BOOKS, {**EMMA, "title": f"Emma {number}"}).json()
        assert gwen.get(BOOKS).json()["results"][0]["title"] == f"Emma {number}"
        uma.patch(added["url"], {"title": f"Emma {number}, read"})
        assert gwen.get(BOOKS).json()["results"][0]["title"] == f"Emma {number}, read"
        assert again(gwen)


def test_what_is_not_committed_is_not_shown_and_then_it_is(
    emma: Book, visitor: Client, by_hand: Callable[[str], None]
) -> None:
    by_hand("BEGIN")
    by_hand("UPDATE books_book SET title = 'Emma, not yet'")
    assert titles(visitor.get(BOOKS)) == ["Emma"]
    assert again(visitor)
    by_hand("COMMIT")
    assert titles(visitor.get(BOOKS)) == ["Emma, not yet"]


@pytest.mark.parametrize("moment", ["before", "after"])
def test_a_write_while_an_answer_is_made_is_never_missed(
    emma: Book,
    visitor: Client,
    by_hand: Callable[[str], None],
    monkeypatch: pytest.MonkeyPatch,
    moment: str,
) -> None:
    """Wanda writes just before or just after the rows of a page are read."""
    read = KeysetPagination.paginate_queryset

    def interrupted(self: KeysetPagination, *args: Any, **kwargs: Any) -> Any:
        if moment == "before":
            by_hand("UPDATE books_book SET title = 'Emma, in between'")
        rows = read(self, *args, **kwargs)
        if moment == "after":
            by_hand("UPDATE books_book SET title = 'Emma, in between'")
        return rows

    with monkeypatch.context() as patch:
        patch.setattr(KeysetPagination, "paginate_queryset", interrupted)
        visitor.get(BOOKS)
    assert titles(visitor.get(BOOKS)) == ["Emma, in between"]


def test_a_write_between_two_statements_of_one_page_is_never_missed(
    emma: Book, visitor: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Wanda adds a book when its authors have been found, and before the books of these are read."""
    named = AuthorQuerySet.named

    def add() -> None:
        writing.add(title="Persuasion", author_names=["JANE AUSTEN"])
        connection.close()

    def interrupted(self: AuthorQuerySet, name: str) -> Any:
        found = named(self, name)
        with ThreadPoolExecutor(1) as wanda:
            wanda.submit(add).result()
        return found

    with monkeypatch.context() as patch:
        patch.setattr(AuthorQuerySet, "named", interrupted)
        assert titles(visitor.get(f"{BOOKS}?author=jane+austen")) == ["Emma"]
    assert titles(visitor.get(f"{BOOKS}?author=jane+austen")) == ["Persuasion", "Emma"]


def test_a_page_tells_its_version_itself_and_only_what_may_be_given_again_costs_a_question(
    emma: Book, visitor: Client
) -> None:
    def statements(url: str) -> int:
        with CaptureQueriesContext(connection) as queries:
            assert visitor.get(url).status_code == 200
        return len(queries)

    assert version._read("default")  # which each process does once
    assert statements(BOOKS) == 1
    assert again(visitor)
    assert statements(BOOKS) == 1
    assert statements(f"{BOOKS}?ordering=title") == 1
    assert statements(f"{BOOKS}{emma.pk}/") == 1
    assert statements(f"{BOOKS}?search=emma") == 2  # with conditions there may be no row to tell it: it is asked first
    assert statements(f"{BOOKS}?search=nowhere") == 2
    assert again(visitor, f"{BOOKS}?search=nowhere")


def test_a_postgresql_that_does_not_tell_its_version_serves_all_the_same(
    emma: Book, visitor: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where the role of the service may not call the functions that tell it."""
    for statement in ("_NOW", "_HERE"):
        monkeypatch.setattr(version, statement, "(SELECT withheld_from_us())")
    monkeypatch.setattr(version, "_answered", set())
    for url in (BOOKS, f"{BOOKS}{emma.pk}/", f"{BOOKS}?search=emma", AUTHORS):
        assert visitor.get(url).status_code == 200
        assert visitor.get(url).status_code == 200


def test_an_answer_that_took_long_does_not_end_the_newer_generation(emma: Book) -> None:
    """Slow Sam asks before a write; when he is answered, others have long been answered after it."""
    worker = cache.AnswerCacheMiddleware(lambda _: HttpResponse())
    old, new = cache.CacheGeneration("old"), cache.CacheGeneration("new")
    worker._generations["default"] = new
    worker._store("default", "old", ("/",), _answer(b"."), before=old)
    assert worker._generations["default"] is new
    worker._store("default", "newer", ("/",), _answer(b"."), before=new)
    assert list(worker._generations["default"].answers) == [("/",)]
    assert worker._generations["default"].version == "newer"


def test_readers_never_see_less_than_was_acknowledged(pool: Pool) -> None:
    """Four readers read on while Walt writes: each sees at least what had been acknowledged when they asked."""
    told = 0
    done = False

    def read(number: int) -> int:
        reader = Client()
        seen = 0
        try:
            while not done:
                known = told
                shown = reader.get(f"{BOOKS}?page_size=1").json()["results"]
                latest = int(shown[0]["title"]) if shown else 0
                assert latest >= known
                seen += 1
        finally:
            connection.close()
        return seen

    walt = Client().bearing(pool.access_token("Walt", ["ROLE_USER"]))
    with ThreadPoolExecutor(4) as readers:
        reading = [readers.submit(read, number) for number in range(4)]
        try:
            for number in range(1, 60):
                assert walt.post(BOOKS, {**EMMA, "title": str(number)}).status_code == 201
                told = number
        finally:
            done = True
        assert all(look.result() for look in reading)


def test_a_token_that_is_revoked_gets_nothing(emma: Book, uma: Client, settings: Settings) -> None:
    uma.get(BOOKS)
    assert again(uma)
    revocation.revoke_person(str(uma.sub))
    revocation.forget()
    response = uma.get(BOOKS)
    assert (response.status_code, response.json()["code"]) == (401, "token_revoked")


def test_bad_credentials_are_refused_though_anybody_may_read(emma: Book, visitor: Client, pool: Pool) -> None:
    visitor.get(BOOKS)
    assert again(visitor)
    expired = pool.access_token("Ellen", ["ROLE_ADMIN"], exp=1, iat=0)
    assert visitor.get(BOOKS, headers={"Authorization": f"Bearer {expired}"}).json()["code"] == "token_expired"
    assert visitor.get(BOOKS, headers={"Authorization": ""}).json()["code"] == "token_malformed"


def test_while_reading_is_closed_a_kept_answer_is_for_those_with_a_role(
    emma: Book, visitor: Client, gwen: Client, norole: Client, settings: Settings
) -> None:
    settings.BOOKS_PUBLIC_READ = False
    worker = gwen
    worker.get(BOOKS)
    assert again(worker)
    worker.bearing(norole.token)
    assert worker.get(BOOKS).status_code == 403
    worker.credentials()
    assert worker.get(BOOKS).status_code == 401


def test_my_own_books_are_mine(uma: Client, ulf: Client, visitor: Client) -> None:
    uma.post(BOOKS, EMMA)
    ulf.post(BOOKS, PERSUASION)
    worker = visitor
    for who, title in ((uma, "Emma"), (ulf, "Persuasion"), (uma, "Emma")):
        worker.bearing(who.token)
        assert titles(worker.get(f"{BOOKS}?added_by=me")) == [title]
        # Whatever the spelling of the name.
        assert titles(worker.get(f"{BOOKS}?%61dded_by=me")) == [title]
    worker.credentials()
    assert worker.get(f"{BOOKS}?added_by=me").status_code == 401


def test_each_address_origin_and_kind_of_answer_is_kept_apart(emma: Book, visitor: Client, settings: Settings) -> None:
    settings.ALLOWED_HOSTS = ["one.example", "two.example"]
    settings.CORS_ALLOWED_ORIGINS = ["https://app.example"]
    hosts = [
        visitor.get(BOOKS, headers={"Host": host}).json()["results"][0]["url"]
        for host in ("one.example", "two.example")
    ]
    assert [url.split("/")[2] for url in hosts] == ["one.example", "two.example"]
    assert visitor.get(BOOKS, headers={"Host": "three.example"}).status_code == 400

    here = {"Host": "one.example"}
    assert "Access-Control-Allow-Origin" not in visitor.get(BOOKS, headers=here)
    shared = visitor.get(BOOKS, headers={**here, "Origin": "https://app.example"})
    assert shared["Access-Control-Allow-Origin"] == "https://app.example"
    assert "Access-Control-Allow-Origin" not in visitor.get(BOOKS, headers={**here, "Origin": "https://evil.example"})

    assert visitor.get(BOOKS, headers={**here, "Accept": "text/html"})["Content-Type"].startswith("text/html")
    assert visitor.get(BOOKS, headers=here)["Content-Type"] == "application/json"
    assert visitor.get(BOOKS, headers={**here, "Accept": "image/png"}).status_code == 406

    etag = visitor.get(BOOKS, headers=here)["ETag"]
    for _ in range(2):
        known = visitor.get(BOOKS, headers={**here, "If-None-Match": etag})
        assert (known.status_code, known.content, known["ETag"]) == (304, b"", etag)
    assert visitor.get(BOOKS, headers={**here, "If-None-Match": '"old"'}).status_code == 200


@pytest.mark.usefixtures("_nobody_writes")
def test_whoever_sends_a_cookie_or_a_refresh_token_goes_the_whole_way(emma: Book, visitor: Client) -> None:
    visitor.get(BOOKS)
    assert again(visitor)
    assert not again(visitor, headers={"Cookie": "sessionid=1"})
    assert not again(visitor, headers={"X-Refresh-Token": "old"})


@pytest.mark.usefixtures("_nobody_writes")
def test_refusals_and_pages_for_browsers_are_not_kept(emma: Book, visitor: Client) -> None:
    for _ in range(2):
        assert visitor.get(f"{BOOKS}?ordering=colour").status_code == 400
        assert visitor.get(f"{BOOKS}{emma.pk + 1}/").status_code == 404
    visitor.get(BOOKS, headers={"Accept": "text/html"})
    assert not again(visitor, headers={"Accept": "text/html"})


def test_the_log_tells_of_an_answer_given_again_like_of_any_other(
    emma: Book, uma: Client, caplog: pytest.LogCaptureFixture
) -> None:
    uma.get(BOOKS)
    with caplog.at_level(logging.INFO, "config.requests"):
        assert again(uma)
    fields = caplog.records[-1].fields  # type: ignore[attr-defined]
    assert (fields["route"], fields["status"], fields["sub"]) == ("api/v1/books/$", 200, uma.sub)


def _answer(body: bytes) -> cache.Answer:
    return cache.Answer(BOOK_POLICY["list"], 200, {}, body, None)


def test_what_is_kept_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cache, "OVERHEAD", 10)
    monkeypatch.setattr(cache, "MAX_BYTES", 150)
    monkeypatch.setattr(cache, "MAX_BODY", 60)
    monkeypatch.setattr(cache, "MAX_KEY", 40)
    generation = cache.CacheGeneration("now")
    for number in range(10):
        generation.store((str(number), None), _answer(b"." * 30))
    generation.store(("9", None), _answer(b"." * 30))
    assert ([key[0] for key in generation.answers], generation.size) == (
        ["7", "8", "9"],
        3 * (30 + 1 + 10),
    )  # the newest
    generation.store(("huge",), _answer(b"." * 61))
    generation.store(("very long" * 5,), _answer(b""))
    assert ([key[0] for key in generation.answers], generation.size) == (["7", "8", "9"], 3 * (30 + 1 + 10))


def test_answers_without_a_body_take_their_room_too(monkeypatch: pytest.MonkeyPatch) -> None:
    """Mallory asks whether the page is still the one of a tag, with another long list of tags each time."""
    monkeypatch.setattr(cache, "MAX_BYTES", 100_000)
    generation = cache.CacheGeneration("now")
    for number in range(1000):
        generation.store(("/", f"{number}" + "m" * 3000), _answer(b""))
    assert len(generation.answers) < 20


def test_the_charset_of_one_reader_is_not_that_of_the_next(visitor: Client) -> None:
    """Mallory asks for the words that others will ask for, in a charset in which they mean nothing."""
    writing.add(title="水滸傳", author_names=["施耐庵"])
    url = f"{BOOKS}?search=%E6%96%BD%E8%80%90%E5%BA%B5"
    for charset in ("iso-8859-1", "utf-8"):
        visitor.get(url, headers={"Content-Type": f"text/plain; charset={charset}"})
    assert titles(visitor.get(url)) == ["水滸傳"]
    assert again(visitor, url)


def test_inside_a_transaction_nothing_is_kept(emma: Book, visitor: Client) -> None:
    """Whoever calls views within a transaction of their own, as tests do, sees what they wrote in it."""
    with transaction.atomic():
        assert titles(visitor.get(BOOKS)) == ["Emma"]
        writing.rename(Author.objects.get(), "J. Austen")
        assert visitor.get(BOOKS).json()["results"][0]["authors"] == ["J. Austen"]
