"""A book is added in one statement on PostgreSQL; it leaves what the steps that SQLite takes would leave."""

from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from pytest_django.fixtures import Settings

from accounts.models import User
from accounts.tokens.testing import subject
from books import writing
from books.models import Author, Authorship, Book, BookChange
from tests.books.conftest import BOOKS
from tests.conftest import Client

only_postgresql = pytest.mark.skipif(connection.vendor != "postgresql", reason="SQLite takes the steps.")

EMMA: dict[str, Any] = {
    "title": "Émma & Co.",
    "author_names": ["Zoë Z.", "Jane Austen", 'O\'Neil \\ "quoted", {braces}', "施耐庵"],
    "subtitle": "a %s novel",
    "isbn": "9780141439587",
    "publisher": "Penguin",
    "published_year": -44,
    "language": "pt-BR",
    "page_count": 474,
    "rating": "4.25",
    "subjects": ["Love; stories", "größe"],
    "description": "Line one.\nLine 'two' \\ three.",
}
TIMES = ("created_at", "updated_at", "at")


def left() -> dict[str, Any]:
    """All that the database holds of books, without times and numbers."""
    book = Book.objects.values().get()
    links = Authorship.objects.order_by("position").values_list("author__name", "position", "book__title")
    authors = Author.objects.order_by("name").values("name", "name_key", "words")
    change = BookChange.objects.values().get()
    assert change["book_id"] == book["id"]
    return {
        "book": {name: value for name, value in book.items() if name not in ("id", *TIMES)},
        "links": list(links),
        "authors": list(authors),
        "change": {name: value for name, value in change.items() if name not in ("id", "book_id", *TIMES)},
        "found": [Book.objects.matching(word).count() for word in ("emma", "zoe", "größe", "elsewhere")],
    }


@only_postgresql
@pytest.mark.django_db
def test_one_statement_leaves_what_the_steps_leave(settings: Settings) -> None:
    adder = User.objects.create(sub="adders-sub", username="Anna")
    rooms = []
    for at_once in (True, False):
        settings.BOOKS_FAST_PATHS = at_once
        Author.objects.create(name="Jane Austen")
        book = writing.add(**EMMA, added_by_id=adder.sub)
        rooms.append(left())
        assert Book.objects.get() == book
        assert list(book.authorship_set.values_list("author__name", flat=True)) == EMMA["author_names"]
        writing.change(book, title="Changed")  # it is a saved one in every respect
        assert Book.objects.get().version == 2
        for model in (Authorship, Book, Author, BookChange):
            model._default_manager.all().delete()
    assert rooms[0] == rooms[1]


@only_postgresql
@pytest.mark.django_db(transaction=True)
def test_adding_a_book_asks_the_database_once(uma: Client) -> None:
    User.objects.create(sub=subject("Uma"), username="Uma")
    with CaptureQueriesContext(connection) as queries:
        uma.post(BOOKS, {"title": "Persuasion", "authors": ["Jane Austen", "Somebody New"]})
    # Who was signed out is looked up once a second, whoever asks.
    asked = [query["sql"] for query in queries if "accounts_revocation" not in query["sql"]]
    assert len(asked) == 1, asked


@pytest.mark.django_db(transaction=True)
def test_somebody_new_gets_a_row_with_the_first_book_and_again_where_it_is_gone_since(uma: Client) -> None:
    assert uma.post(BOOKS, {"title": "Emma", "authors": ["Jane Austen"]}).status_code == 201
    User.objects.all().delete()
    added = uma.post(BOOKS, {"title": "Persuasion", "authors": ["Jane Austen"]})
    assert (added.status_code, added.json()["added_by"]) == (201, uma.sub)
    assert User.objects.get().sub == uma.sub
    assert Book.objects.count() == BookChange.objects.count() == 2
