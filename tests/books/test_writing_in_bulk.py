"""Very many books at once: what is written is what a save writes, in a few statements, whatever their number."""

from decimal import Decimal
from typing import Any

import pytest
from django.db import IntegrityError, connection, transaction
from django.test.utils import CaptureQueriesContext

from books import writing
from books.models import Author, Authorship, Book
from tests.books.conftest import Shelve

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("fast_paths")]

EMMA: dict[str, Any] = {
    "isbn": "9780141439587",
    "title": "Emma: «Überarbeitet» \\ \t\N{WHALE}",
    "subtitle": "\\N",
    "author_names": ["Jane Austen", 'A. "Friend"'],
    "publisher": "Penguin",
    "published_year": 1815,
    "language": "en",
    "page_count": 474,
    "rating": Decimal("4.05"),
    "subjects": ["England -- Fiction", "É\u2028\\"],
    "description": "Handsome,\nclever\tand rich\\.\r",
}
SANDITON: dict[str, Any] = {"title": "Sanditon", "author_names": ["Jane Austen"]}


def columns(book: Book) -> dict[str, Any]:
    """All that the table has of a book, but for what differs between any two."""
    values: Any = Book.objects.values().get(pk=book.pk)
    return {name: value for name, value in values.items() if name not in ("id", "isbn", "created_at", "updated_at")}


def links(book: Book) -> list[tuple[str, int]]:
    return list(book.authorship_set.values_list("author__name", "position"))


@pytest.mark.parametrize("values", [EMMA, SANDITON], ids=["full", "bare"])
def test_a_book_among_many_is_the_same_as_one_by_itself(values: dict[str, Any]) -> None:
    alone = writing.add(**values | {"isbn": None})
    among = Book.objects.get(pk=writing.add_many([SANDITON, values])[1])
    assert columns(among) == columns(alone)
    assert links(among) == links(alone) == [(name, place) for place, name in enumerate(values["author_names"])]
    assert among.isbn == values.get("isbn")
    assert among.updated_at >= among.created_at >= alone.created_at
    among.save()
    assert columns(among) == columns(alone) | {"version": 2}, "what is worked out at a save was something else"


def test_ids_come_back_in_order_and_are_never_given_twice(shelve: Shelve) -> None:
    first = shelve()
    one, two = writing.add_many([EMMA, SANDITON])
    assert first.pk < one < two
    assert list(Book.objects.filter(pk__in=(one, two)).order_by("pk").values_list("title", flat=True)) == [
        EMMA["title"],
        SANDITON["title"],
    ]
    Book.objects.filter(pk=two).delete()
    assert shelve().pk > two
    assert writing.add_many([]) == []


def test_many_books_cost_as_many_statements_as_two(fast_paths: bool) -> None:
    def statements(books: list[dict[str, Any]]) -> int:
        with CaptureQueriesContext(connection) as captured, transaction.atomic():
            writing.add_many(books)
        return sum("SAVEPOINT" not in query["sql"] for query in captured)

    many = [{"title": f"Book {number}", "author_names": [f"Author {number}", "Bob"]} for number in range(300)]
    # Ids, books, known authors, new authors, links.
    if fast_paths:
        assert statements([EMMA, SANDITON]) == statements(many) == 5
    else:
        writing.add_many([EMMA, *many])
    assert Authorship.objects.filter(author__name="Bob").count() == 300


def test_an_isbn_that_is_taken_stops_them_all(shelve: Shelve) -> None:
    shelve(isbn=EMMA["isbn"])
    with pytest.raises(IntegrityError, match="isbn"), transaction.atomic():
        writing.add_many([SANDITON, EMMA])
    assert Book.objects.count() == 1


def test_authors_that_are_there_are_not_made_again(shelve: Shelve) -> None:
    shelve("Emma", "Jane Austen")
    writing.add_many([SANDITON, EMMA])
    assert sorted(Author.objects.values_list("name", flat=True)) == ['A. "Friend"', "Jane Austen"]
    assert Author.objects.matching("friend").count() == 1
