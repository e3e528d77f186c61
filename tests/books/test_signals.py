"""Signals of books: sent once for each book after the commit, for the API, the admin and imports alike."""

import logging
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.db import connection, transaction
from django.dispatch import Signal
from django.test import Client as Browser

from accounts.models import User
from books import writing
from books.models import Author, Book
from books.signals import book_added, book_changed, book_deleted
from tests.books.conftest import BOOKS, Shelve
from tests.books.importing import import_text
from tests.books.test_admin import form
from tests.conftest import Client

SIGNALS = {"added": book_added, "changed": book_changed, "deleted": book_deleted}

Heard = list[tuple[str, str, dict[str, Any]]]


@pytest.fixture
def heard(transactional_db: None) -> Iterator[Heard]:
    """What a receiver was told: which signal, by whom, and the diff."""
    said: Heard = []
    receivers = []
    for name, signal in SIGNALS.items():

        def hear(signal: Signal, sender: Any, name: str = name, **told: Any) -> None:
            assert not connection.in_atomic_block, "it was sent before the commit"
            assert sender is Book
            assert told.keys() == {"book_id", "by", "actor", "diff"}
            assert Book.objects.filter(pk=told["book_id"]).exists() is (name != "deleted")
            said.append((name, told["by"], told["diff"]))

        signal.connect(hear, sender=Book)
        receivers.append((signal, hear))
    yield said
    for signal, hear in receivers:
        signal.disconnect(hear, sender=Book)


def test_the_api_sends_one_signal_a_write(heard: Heard, uma: Client, ada: Client) -> None:
    url = uma.post(BOOKS, {"title": "Emma", "authors": ["Jane Austen"], "page_count": 474}).json()["url"]
    assert ada.patch(url, {"page_count": 480}).status_code == 200
    assert ada.patch(url, {"page_count": 480}).status_code == 200, "which changes nothing"
    assert ada.delete(url).status_code == 204
    assert uma.delete(url).status_code == 404
    first = {"title": [None, "Emma"], "author_names": [None, ["Jane Austen"]], "page_count": [None, 474]}
    last = {"title": ["Emma", None], "author_names": [["Jane Austen"], None], "page_count": [480, None]}
    assert heard == [
        ("added", uma.sub, first),
        ("changed", ada.sub, {"page_count": [474, 480]}),
        ("deleted", ada.sub, last),
    ]


def test_the_admin_sends_the_same(heard: Heard, browser: Browser) -> None:
    me, jane = User.objects.get().sub, Author.objects.create(name="Jane Austen")
    browser.post("/admin/books/book/add/", form(jane, title="Emma"))
    book = Book.objects.get()
    browser.post(f"/admin/books/book/{book.pk}/change/", form(jane, book=book, title="Persuasion"))
    browser.post(f"/admin/books/author/{jane.pk}/change/", {"name": "J. Austen"})
    browser.post(f"/admin/books/book/{book.pk}/delete/", {"post": "yes"})
    assert heard == [
        ("added", me, {"title": [None, "Emma"], "author_names": [None, ["Jane Austen"]]}),
        ("changed", me, {"title": ["Emma", "Persuasion"]}),
        ("changed", me, {"author_names": [["Jane Austen"], ["J. Austen"]]}),
        ("deleted", me, {"title": ["Persuasion", None], "author_names": [["J. Austen"], None]}),
    ]


def test_an_import_sends_one_a_book(heard: Heard, shelve: Shelve, tmp_path: Path) -> None:
    shelve("Emma", "Jane Austen", isbn="9780141439587")
    heard.clear()
    text = "isbn,title,authors,page_count\n9780141439587,Emma,Jane Austen,474\n,Faust,Goethe,\n,Faust,Goethe,\n"
    import_text(tmp_path, text, "--dry-run")
    assert heard == [], "a dry run writes nothing"
    import_text(tmp_path, text)
    assert sorted(heard) == [
        ("added", "", {"title": [None, "Faust"], "author_names": [None, ["Goethe"]]}),
        ("changed", "", {"page_count": [None, 474]}),
    ]
    import_text(tmp_path, text)
    assert len(heard) == 2, "the second time there was nothing to do"


def test_what_is_rolled_back_sends_nothing(heard: Heard, shelve: Shelve) -> None:
    emma = shelve("Emma")
    heard.clear()
    with transaction.atomic():
        writing.add(title="Persuasion", author_names=["Jane Austen"])
        writing.change(emma, title="Emma 2")
        writing.discard(shelve("Sanditon"))
        transaction.set_rollback(True)
    assert heard == []


def test_a_receiver_that_fails_is_logged_and_stops_nothing(
    heard: Heard, uma: Client, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(**told: Any) -> None:
        raise ValueError("the search engine is away")

    book_added.connect(fail)
    try:
        with caplog.at_level(logging.ERROR, "django.dispatch"):
            assert uma.post(BOOKS, {"title": "Emma", "authors": ["Jane Austen"]}).status_code == 201
    finally:
        book_added.disconnect(fail)
    assert [name for name, *_ in heard] == ["added"]
    assert "test_a_receiver_that_fails" in caplog.text


@pytest.mark.django_db
def test_nothing_is_prepared_while_nobody_listens(uma: Client, tmp_path: Path) -> None:
    url = uma.post(BOOKS, {"title": "Emma", "authors": ["Jane Austen"]}).json()["url"]
    uma.patch(url, {"title": "Persuasion"})
    uma.delete(url)
    import_text(tmp_path, "title,authors\nFaust,Goethe\n")
    # Callbacks that wait for the commit of the test's own transaction.
    assert connection.run_on_commit == []
