"""Many books at once in the admin: asked first, all or none, each with its history."""

from typing import Any

import pytest
from django.test import Client as Browser

from accounts.models import User
from books.admin import bulk
from books.models import Authorship, Book, BookChange
from tests.books.conftest import Shelve

LIST = "/admin/books/book/"


def act(browser: Browser, action: str, *books: Book, **more: Any) -> Any:
    """What comes of an action on the list."""
    return browser.post(LIST, {"action": action, "_selected_action": [book.pk for book in books], **more})


def test_a_language_is_set_after_a_question(browser: Browser, shelve: Shelve) -> None:
    emma, faust, rest = shelve("Emma"), shelve("Faust"), shelve("Ulysses", language="en")
    asked = act(browser, "set_language", emma, faust)
    assert b"Set the language: 2 books" in asked.content
    assert not Book.objects.filter(language="de").exists()
    assert act(browser, "set_language", emma, faust, confirmed="yes", language="ger").status_code == 302
    assert set(Book.objects.filter(language="de")) == {emma, faust}
    assert Book.objects.get(pk=rest.pk).version == rest.version
    assert Book.objects.get(pk=emma.pk).version > emma.version
    news = BookChange.objects.filter(action="changed", by=User.objects.get().sub).values_list("news", flat=True)
    assert list(news) == [{"language": [None, "de"]}] * 2


def test_a_language_that_is_none_is_refused(browser: Browser, shelve: Shelve) -> None:
    page = act(browser, "set_language", shelve("Emma"), confirmed="yes", language="xx-YY")
    assert b"BCP 47" in page.content
    assert Book.objects.get().language == ""


def test_a_subject_is_added_once_and_found(browser: Browser, shelve: Shelve) -> None:
    emma, faust = shelve("Emma", subjects=["Love"]), shelve("Faust", subjects=["Devils", "Love"])
    page = browser.post(
        LIST,
        {
            "action": "add_subject",
            "_selected_action": [emma.pk, faust.pk],
            "confirmed": "yes",
            "subject": "Devils",
        },
        follow=True,
    )
    assert "1 of 2 books changed; 1 had nothing to change." in page.content.decode()
    assert set(Book.objects.about("devils")) == {emma, faust}
    act(browser, "remove_subject", emma, faust, confirmed="yes", subject="Love")
    assert [book.subjects for book in Book.objects.order_by("pk")] == [["Devils"], ["Devils"]]
    assert not Book.objects.matching("love").exists()


def test_books_are_deleted_with_their_links_and_words_but_not_with_their_history(
    browser: Browser, shelve: Shelve
) -> None:
    emma, faust, kept = shelve("Emma"), shelve("Faust"), shelve("Ulysses")
    assert b"2 books" in act(browser, "delete_selected", emma, faust).content
    assert Book.objects.count() == 3
    act(browser, "delete_selected", emma, faust, confirmed="yes")
    assert list(Book.objects.all()) == [kept]
    assert set(Authorship.objects.values_list("book", flat=True)) == {kept.pk}
    assert not Book.objects.matching("emma").exists()
    assert BookChange.objects.filter(action="deleted").count() == 2


def test_all_books_of_a_filter_are_meant_when_it_says_so(browser: Browser, shelve: Shelve) -> None:
    books = [shelve(f"Emma {number}") for number in range(3)]
    faust = shelve("Faust")
    sent = {"action": "set_language", "_selected_action": [books[0].pk], "select_across": "1"}
    asked = browser.post(f"{LIST}?q=emma", sent)
    assert sorted(asked.context["chosen"]) == [book.pk for book in books]
    assert faust.pk not in asked.context["chosen"]


def test_too_many_at_once_are_refused_in_words(browser: Browser, shelve: Shelve, monkeypatch: Any) -> None:
    monkeypatch.setattr(bulk, "MAX_AT_ONCE", 2)
    books = [shelve(f"Emma {number}") for number in range(3)]
    page = browser.post(
        LIST,
        {"action": "delete_selected", "confirmed": "yes", "_selected_action": [book.pk for book in books]},
        follow=True,
    )
    assert "At most 2 books at once" in page.content.decode()
    assert Book.objects.count() == 3


@pytest.mark.parametrize("action", ["set_language", "add_subject", "remove_subject", "delete_selected"])
def test_it_takes_the_token_of_the_form(browser: Browser, shelve: Shelve, action: str) -> None:
    book = shelve("Emma")
    browser.handler.enforce_csrf_checks = True
    sent = {"action": action, "_selected_action": [book.pk], "confirmed": "yes", "language": "de", "subject": "x"}
    assert browser.post(LIST, sent).status_code == 403
    assert Book.objects.get().version == book.version
