"""The history of books: who changed what, when, and from what to what, whichever way they came."""

import io
from typing import Any

import pytest
from django.core.management import call_command
from django.test import Client as Browser

from accounts.models import User
from books import writing
from books.models import Author, Book, BookChange
from tests.books.conftest import BOOKS, Shelve
from tests.books.importing import import_file
from tests.conftest import Client

EMMA = {"title": "Emma", "authors": ["Jane Austen"]}

pytestmark = pytest.mark.django_db


def changes() -> list[tuple[str, str, dict[str, Any]]]:
    """What is kept, the oldest first."""
    return list(BookChange.objects.order_by("id").values_list("by", "action", "news"))


def history_of(browser: Browser, book_id: int) -> str:
    """The words of a book's History page."""
    return browser.get(f"/admin/books/book/{book_id}/history/").content.decode()


def test_a_change_through_the_api_tells_who_and_from_what_to_what(uma: Client, ada: Client) -> None:
    url = uma.post(BOOKS, EMMA).json()["url"]
    ada.patch(url, {"title": "Persuasion", "authors": ["J. Austen"], "rating": 4.5})
    ada.delete(url)
    assert changes()[:2] == [
        (uma.sub, "added", {}),
        (
            ada.sub,
            "changed",
            {
                "title": ["Emma", "Persuasion"],
                "author_names": [["Jane Austen"], ["J. Austen"]],
                "rating": [None, "4.5"],
            },
        ),
    ]
    by, action, news = changes()[2]
    assert (by, action, news["title"]) == (ada.sub, "deleted", ["Persuasion", None])
    assert len(changes()) == 3


def test_what_is_refused_leaves_no_trace(uma: Client, ulf: Client) -> None:
    uma.post(BOOKS, {**EMMA, "isbn": "9780141439587"})
    url = uma.post(BOOKS, EMMA).json()["url"]
    before = changes()
    assert uma.patch(url, {"isbn": "9780141439587"}).status_code == 409
    assert uma.patch(url, {"title": "X"}, HTTP_IF_MATCH='"stale"').status_code == 412
    assert ulf.delete(url).status_code == 403
    assert uma.patch(url, {"title": "Emma"}).status_code == 200
    assert changes() == before


def test_the_history_page_shows_changes_of_the_admin_and_of_the_api(browser: Browser, ada: Client) -> None:
    book_id = ada.post(BOOKS, EMMA).json()["id"]
    book = Book.objects.get()
    link = book.authorship_set.get()
    empty = "isbn subtitle description subjects publisher published_year page_count rating"
    sent = {
        **dict.fromkeys(empty.split(), ""),
        "title": "Emma <3",
        "language": "eng",
        "authorship_set-TOTAL_FORMS": 1,
        "authorship_set-INITIAL_FORMS": 1,
        "authorship_set-0-id": link.pk,
        "authorship_set-0-book": book.pk,
        "authorship_set-0-author": link.author_id,
        "authorship_set-0-position": 0,
    }
    assert browser.post(f"/admin/books/book/{book_id}/change/", sent).status_code == 302
    page = history_of(browser, book_id)
    assert "<dt>title</dt><dd><del>Emma</del> <ins>Emma &lt;3</ins></dd>" in page
    assert "<dt>language</dt><dd><del>nothing</del> <ins>en</ins></dd>" in page
    assert "ada@example.com" in page
    assert str(ada.sub) in page, "who came through the API has an address only in Cognito"


def test_a_long_history_has_pages(browser: Browser, shelve: Shelve) -> None:
    book = shelve("Emma")
    for number in range(30):
        writing.change(book, title=f"Emma {number}")
    assert "Page 1 of 2" in history_of(browser, book.pk)
    assert "Emma 29" in history_of(browser, book.pk)
    assert "Page 2 of 2" in browser.get(f"/admin/books/book/{book.pk}/history/?page=99").content.decode()


def test_a_renamed_author_is_a_change_of_their_books(browser: Browser, shelve: Shelve) -> None:
    book = shelve("Emma", "Jane Austen")
    browser.post(f"/admin/books/author/{Author.objects.get().pk}/change/", {"name": "J. Austen"})
    assert changes()[-1] == (
        User.objects.get().sub,
        "changed",
        {"author_names": [["Jane Austen"], ["J. Austen"]]},
    )
    assert "ada@example.com" in history_of(browser, book.pk)


def test_an_import_tells_what_it_changed(tmp_path: Any, shelve: Shelve) -> None:
    shelve("Emma", "Jane Austen", isbn="9780141439587")
    path = tmp_path / "more.csv"
    path.write_text("isbn,title,authors,publisher\n9780141439587,Emma,Jane Austen,Penguin\n,Faust,Goethe,\n")
    import_file(path)
    assert changes()[1:] == [("", "merged", {"publisher": ["", "Penguin"]})]


def test_a_book_deleted_in_the_admin_is_still_told_of(browser: Browser, shelve: Shelve) -> None:
    book = shelve("Emma", "Jane Austen")
    assert browser.post(f"/admin/books/book/{book.pk}/delete/", {"post": "yes"}).status_code == 302
    page = browser.get("/admin/books/bookchange/", {"q": "emma"}).content.decode()
    assert "deleted" in page
    change = BookChange.objects.get(action="deleted")
    assert "Jane Austen" in browser.get(f"/admin/books/bookchange/{change.pk}/change/").content.decode()


def test_changes_are_found_by_address_and_cannot_be_changed(browser: Browser, shelve: Shelve) -> None:
    me = User.objects.get()
    writing.change(shelve("Emma"), title="Persuasion", by=me.sub)
    assert "Persuasion" in browser.get("/admin/books/bookchange/", {"q": "ada@example"}).content.decode()
    assert "0 changes" in browser.get("/admin/books/bookchange/", {"q": "bob@example"}).content.decode()
    change = BookChange.objects.first()
    assert change is not None
    for path in ("add/", f"{change.pk}/delete/"):
        assert browser.post(f"/admin/books/bookchange/{path}", {"post": "yes"}).status_code == 403
    assert browser.post(f"/admin/books/bookchange/{change.pk}/change/", {"title": "X"}).status_code == 403


def test_reading_books_never_looks_at_their_history(
    visitor: Client, shelve: Shelve, django_assert_num_queries: Any
) -> None:
    shelve("Emma")
    with django_assert_num_queries(1):
        assert visitor.get(BOOKS).status_code == 200


def test_made_up_books_need_no_history(db: None) -> None:
    call_command("seed_books", "5", stdout=io.StringIO())
    assert changes() == []
