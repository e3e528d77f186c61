"""Walking through a list: every row once, both ways, whatever shares a key, is absent, or comes meanwhile."""

import itertools
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.core.signing import Signer
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from books.models import Author, Book
from books.orderings import BOOK_ORDERINGS
from tests.books.conftest import AUTHORS, BOOKS, Shelve, problems, walk
from tests.conftest import Client

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)


@pytest.fixture
def crowd(db: None) -> list[Book]:
    """Books that share titles, years, ratings and times, or lack them; three of each kind."""
    kinds = itertools.product(
        ["Émile", "emile!", "Zebra", "…"],
        [None, -500, 2020],
        [None, Decimal("0.00"), Decimal("4.10")],
        [NOON, NOON + timedelta(microseconds=1)],
    )
    books = [
        Book(title=title, author_names=["A"], published_year=year, rating=rating, created_at=at)
        for title, year, rating, at in kinds
        for _ in range(2)
    ]
    return Book.objects.bulk_create(books)


def expected(books: list[Book], ordering: str) -> list[int]:
    """The ids in this order, worked out without a database."""
    name, down = ordering.removeprefix("-"), ordering.startswith("-")
    column = {"title": "title_key"}.get(name, name)
    present = [book for book in books if getattr(book, column) is not None]
    absent = [book for book in books if getattr(book, column) is None]
    present.sort(key=lambda book: (getattr(book, column), book.pk), reverse=down)
    absent.sort(key=lambda book: book.pk, reverse=down)
    return [book.pk for book in [*present, *absent]]


@pytest.mark.parametrize("ordering", BOOK_ORDERINGS)
@pytest.mark.parametrize("size", [1, 7, 100])
def test_a_walk_meets_every_book_once_in_order_and_back_again(
    visitor: Client, crowd: list[Book], ordering: str, size: int
) -> None:
    if size == 1:
        Book.objects.filter(pk__gt=crowd[20].pk).delete()
        crowd = crowd[:21]
    there = walk(visitor, f"{BOOKS}?ordering={ordering}&page_size={size}")
    assert list(itertools.chain(*there)) == expected(crowd, ordering)
    assert {len(page) for page in there[:-1]} <= {size}

    url, last = f"{BOOKS}?ordering={ordering}&page_size={size}", ""
    while url:
        last, url = url, visitor.get(url).json()["next"]
    assert walk(visitor, last, "previous") == there[::-1]


def test_newest_first_is_the_default(visitor: Client, crowd: list[Book]) -> None:
    ids = [book["id"] for book in visitor.get(BOOKS).json()["results"]]
    assert ids == expected(crowd, "-created_at")[:20]


def test_the_first_page_has_no_previous_and_the_last_no_next(visitor: Client, crowd: list[Book]) -> None:
    first = visitor.get(f"{BOOKS}?page_size=100").json()
    assert first["previous"] is None
    last = visitor.get(first["next"]).json()
    assert last["next"] is None
    assert visitor.get(last["previous"]).json() == first | {"next": visitor.get(last["previous"]).json()["next"]}
    assert visitor.get(last["previous"]).json()["previous"] is None


def test_an_empty_list_is_one_page(visitor: Client, db: None) -> None:
    assert visitor.get(BOOKS).json() == {"next": None, "previous": None, "results": []}


def test_a_full_last_page_is_known_to_be_the_last(visitor: Client, shelve: Shelve) -> None:
    for _ in range(4):
        shelve()
    assert [len(page) for page in walk(visitor, f"{BOOKS}?page_size=2")] == [2, 2]


def test_books_that_come_and_go_neither_repeat_nor_lose_others(
    visitor: Client, crowd: list[Book], shelve: Shelve
) -> None:
    first = visitor.get(f"{BOOKS}?page_size=5").json()
    shelve("Newer than all")
    gone = expected(crowd, "-created_at")[3:6]
    Book.objects.filter(pk__in=gone).delete()
    rest = itertools.chain(*walk(visitor, first["next"]))
    assert list(rest) == [pk for pk in expected(crowd, "-created_at")[5:] if pk not in gone]


def test_going_back_shows_what_has_come_meanwhile(visitor: Client, crowd: list[Book], shelve: Shelve) -> None:
    second = visitor.get(visitor.get(f"{BOOKS}?page_size=5").json()["next"]).json()
    newer = shelve("Newer than all")
    pages = walk(visitor, second["previous"], "previous")
    assert pages == [expected(crowd, "-created_at")[:5], [newer.pk]]


def test_links_keep_all_other_parameters(visitor: Client, crowd: list[Book]) -> None:
    page = visitor.get(f"{BOOKS}?published_to=2020&page_size=3&ordering=-rating&search=zebra").json()
    for part in ("http://testserver/api/v1/books/?", "published_to=2020", "page_size=3", "ordering=-rating", "search="):
        assert part in page["next"]
    years = {book["published_year"] for book in visitor.get(page["next"]).json()["results"]}
    assert years <= {-500, 2020}


def test_a_page_has_one_address(visitor: Client, crowd: list[Book]) -> None:
    assert visitor.get(BOOKS).json()["next"] == visitor.get(BOOKS).json()["next"]


@pytest.mark.parametrize("size", ["0", "101", "-1", "1.0", "ten", "1e1", "٣", "1_0", "9" * 5000, "+5", "0x10"])
def test_a_page_has_1_to_100_books(visitor: Client, db: None, size: str) -> None:
    assert problems(visitor.get(BOOKS, {"page_size": size})) == {"page_size": "invalid"}


@pytest.mark.parametrize("size, count", [("1", 1), ("100", 100), ("", 20), ("007", 7)])
def test_page_size_is_what_was_asked_for(visitor: Client, crowd: list[Book], size: str, count: int) -> None:
    assert len(visitor.get(f"{BOOKS}?page_size={size}").json()["results"]) == count


@pytest.mark.parametrize("ordering", ["relevance", "id", "-title_key", "published_year,title", "--title", "TITLE", "?"])
def test_an_unknown_ordering_is_refused(visitor: Client, db: None, ordering: str) -> None:
    assert problems(visitor.get(BOOKS, {"ordering": ordering})) == {"ordering": "invalid_choice"}


def test_a_cursor_belongs_to_its_ordering(visitor: Client, crowd: list[Book]) -> None:
    cursor = visitor.get(f"{BOOKS}?ordering=title").json()["next"].rpartition("cursor=")[2].partition("&")[0]
    for ordering in ("-title", "rating", "created_at", ""):
        assert problems(visitor.get(f"{BOOKS}?ordering={ordering}&cursor={cursor}")) == {"cursor": "invalid"}
    assert problems(visitor.get(f"{AUTHORS}?cursor={cursor}")) == {"cursor": "invalid"}


def test_a_cursor_that_was_tampered_with_is_refused(visitor: Client, crowd: list[Book]) -> None:
    cursor = visitor.get(BOOKS).json()["next"].rpartition("cursor=")[2]
    for place in range(len(cursor)):
        bent = cursor[:place] + ("A" if cursor[place] != "A" else "B") + cursor[place + 1 :]
        assert problems(visitor.get(BOOKS, {"cursor": bent})) == {"cursor": "invalid"}, place


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow], deadline=None)
@given(cursor=st.one_of(st.text(), st.from_regex(r"[A-Za-z0-9_-]+\.[A-Za-z0-9_-]{43}", fullmatch=True)))
def test_no_text_is_a_cursor(visitor: Client, db: None, cursor: str) -> None:
    response = visitor.get(BOOKS, {"cursor": cursor})
    if cursor.strip():
        assert problems(response) == {"cursor": "invalid"}
    else:
        assert response.status_code == 200


@pytest.mark.parametrize("signer", [Signer(), Signer(salt="books.cursor.1", sep=".", key="another key")])
def test_a_cursor_signed_for_another_purpose_is_refused(visitor: Client, db: None, signer: Signer) -> None:
    forged = signer.sign_object(["-created_at", False, "2026-01-01", 1])
    assert problems(visitor.get(BOOKS, {"cursor": forged})) == {"cursor": "invalid"}


def test_authors_come_in_pages_by_name(visitor: Client, db: None) -> None:
    names = ["Zola", "émile", "Émile", "Emile", "aesop", "Ørsted", "…"]
    Author.objects.bulk_create([Author(name=name) for name in names])
    for ordering, down in (("name", False), ("-name", True)):
        url: Any = f"{AUTHORS}?page_size=2&ordering={ordering}"
        found = []
        while url:
            page = visitor.get(url).json()
            found += [author["name"] for author in page["results"]]
            url = page["next"]
        keyed = sorted(Author.objects.all(), key=lambda author: (author.name_key, author.pk), reverse=down)
        assert found == [author.name for author in keyed]
