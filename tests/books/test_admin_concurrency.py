"""Two people, one book: whoever saves last in the admin never undoes what the other one saved, unless they mean to."""

from collections.abc import Callable
from html.parser import HTMLParser
from typing import Any

import pytest
from django.contrib.messages import get_messages
from django.test import Client as Browser

from accounts.models import User
from books import writing
from books.models import Author, Book, BookChange
from tests.books.conftest import Shelve
from tests.books.test_races import at_once, one  # noqa: F401  (a fixture)

LIST = "/admin/books/book/"


class Form(HTMLParser):
    """What the form on a page would send, as a browser does."""

    def __init__(self, page: Any) -> None:
        super().__init__()
        self.sent: dict[str, str] = {}
        self._name = self._select = ""
        self._chosen = False
        assert page.status_code == 200, page
        self.feed(page.content.decode().split('<div id="content-main">')[-1])

    def handle_starttag(self, tag: str, attributes: Any) -> None:
        """Fields and their values."""
        given = dict(attributes)
        name = given.get("name") or ""
        if tag == "input" and name and given.get("type") not in ("submit", "checkbox", "file"):
            self.sent[name] = given.get("value") or ""
        elif tag == "input" and given.get("type") == "checkbox" and "checked" in given:
            self.sent[name] = given.get("value", "on")
        elif tag == "textarea":
            self._name = name
            self.sent[name] = ""
        elif tag == "select":
            self._select = name
        elif tag == "option" and "selected" in given:
            self.sent[self._select] = given.get("value") or ""

    def handle_data(self, data: str) -> None:
        """The text of a text area; the first line break is not part of it."""
        if self._name:
            self.sent[self._name] += data.removeprefix("\r\n").removeprefix("\n")

    def handle_endtag(self, tag: str) -> None:
        """The end of a text area."""
        if tag == "textarea":
            self._name = ""


def change_of(row: Book | Author) -> str:
    """The path of the page on which a book or an author is changed."""
    return f"/admin/books/{row._meta.model_name}/{row.pk}/change/"


def opened(browser: Browser, row: Book | Author) -> dict[str, str]:
    """What the page of a book or an author would send, as it stands."""
    return {name: value for name, value in Form(browser.get(change_of(row))).sent.items() if "__prefix__" not in name}


@pytest.fixture
def ben(browser: Browser) -> Browser:
    """The browser of Ben, another administrator."""
    other = Browser()
    other.force_login(User.objects.create_superuser("Ben", email="ben@example.com"))
    return other


def test_a_book_is_saved_as_its_page_was_opened(browser: Browser, shelve: Shelve) -> None:
    book = shelve(
        "Emma", "Jane Austen", "Fiona Stafford", subjects=["Love", "Surrey"], rating="4.10", published_year=1815
    )
    before: Any = Book.objects.values().get()
    sent = opened(browser, book)
    assert sent["seen"] == str(book.version)
    assert browser.post(change_of(book), sent).status_code == 302
    after: Any = Book.objects.values().get()
    moved = {"version", "updated_at"}
    assert {name for name in after if after[name] != before[name]} <= moved
    assert not BookChange.objects.filter(action="changed").exists()


def test_of_two_who_have_a_book_open_the_second_is_shown_both_values_and_keeps_what_was_typed(
    browser: Browser, ben: Browser, shelve: Shelve
) -> None:
    book = shelve("Emma", "Jane Austen", description="A novel.", language="en")
    adas, bens = opened(browser, book), opened(ben, book)
    assert ben.post(change_of(book), {**bens, "title": "Emma (Ben)", "language": "de"}).status_code == 302
    page = browser.post(change_of(book), {**adas, "title": "Emma (Ada)", "description": "Hers."})
    now = Book.objects.get()
    assert (now.title, now.language, now.description) == ("Emma (Ben)", "de", "A novel."), "nothing was saved"
    said, shown = page.content.decode(), Form(page).sent
    assert "was changed by ben@example.com after you opened the page" in said
    assert "Saving replaces what the catalogue has now: “Emma (Ben)”" in said
    assert (shown["title"], shown["description"]) == ("Emma (Ada)", "Hers."), "what was typed is kept"
    assert shown["language"] == "de", "what was not touched is what Ben made it"
    assert "the field holds what the catalogue has now. When you opened it: “en”" in said
    assert browser.post(change_of(book), shown).status_code == 302
    now = Book.objects.get()
    assert (now.title, now.language, now.description) == ("Emma (Ada)", "de", "Hers.")
    assert BookChange.objects.of(book.pk).first().news == {  # type: ignore[union-attr]
        "title": ["Emma (Ben)", "Emma (Ada)"],
        "description": ["A novel.", "Hers."],
    }


def test_a_page_that_is_stale_again_is_refused_again(browser: Browser, ben: Browser, shelve: Shelve) -> None:
    book = shelve("Emma")
    sent = opened(browser, book)
    writing.change(book, title="Emma 2")
    shown = Form(browser.post(change_of(book), {**sent, "title": "Emma (Ada)"})).sent
    writing.change(book, title="Emma 3")
    page = browser.post(change_of(book), shown)
    assert "Saving replaces what the catalogue has now: “Emma 3”" in page.content.decode()
    assert Book.objects.get().title == "Emma 3"


def test_a_change_that_both_made_is_no_conflict_and_a_long_one_is_shown_whole(browser: Browser, shelve: Shelve) -> None:
    book = shelve("Emma", description="Short.")
    sent, long = opened(browser, book), "<b>" + "word " * 200 + "end"
    writing.change(book, title="Emma 2", description=long)
    page = browser.post(change_of(book), {**sent, "title": "Emma 2", "description": "Hers."})
    said = page.content.decode()
    assert "“Emma 2”" not in said
    assert "&lt;b&gt;" + "word " * 200 + "end</details>" in said
    assert Form(page).sent["description"] == "Hers."


def test_what_is_typed_wrong_and_stale_is_told_both(browser: Browser, shelve: Shelve) -> None:
    book = shelve("Emma", rating="4")
    sent = opened(browser, book)
    writing.change(book, rating=3)
    page = browser.post(change_of(book), {**sent, "rating": "9", "isbn": "9780141439588"})
    said = page.content.decode()
    assert "less than or equal to 5" in said or "Saving replaces what the catalogue has now: “3.00”" in said
    assert "check digit" in said
    assert Form(page).sent["rating"] == "9"


def test_authors_that_were_not_touched_are_those_of_now(browser: Browser, shelve: Shelve) -> None:
    book = shelve("Emma", "Jane Austen")
    sent = opened(browser, book)
    writing.change(book, author_names=["Fiona Stafford", "Jane Austen"])
    page = browser.post(change_of(book), {**sent, "title": "Emma (Ada)"})
    assert "Its authors are now Fiona Stafford, Jane Austen." in page.content.decode()
    assert browser.post(change_of(book), Form(page).sent).status_code == 302
    now = Book.objects.get()
    assert (now.title, now.author_names) == ("Emma (Ada)", ["Fiona Stafford", "Jane Austen"])


def test_authors_that_were_chosen_are_kept_and_saved_over_those_of_now_only_when_that_was_seen(
    browser: Browser, shelve: Shelve
) -> None:
    book, ann = shelve("Emma", "Jane Austen"), Author.objects.create(name="Ann")
    jane = Author.objects.get(name="Jane Austen")
    sent = opened(browser, book)
    rows = {"authorship_set-TOTAL_FORMS": "2", "authorship_set-1-author": str(ann.pk), "authorship_set-1-position": "1"}
    writing.change(book, author_names=["Fiona Stafford"])
    page = browser.post(change_of(book), {**sent, **rows})
    assert Book.objects.get().author_names == ["Fiona Stafford"]
    assert "In the catalogue its authors are now Fiona Stafford." in page.content.decode()
    shown = Form(page).sent
    chosen = {value for name, value in shown.items() if name.endswith("-author") and f"{name[:-7]}-DELETE" not in shown}
    assert {str(jane.pk), str(ann.pk)} <= chosen
    assert browser.post(change_of(book), shown).status_code == 302
    assert Book.objects.get().author_names == ["Jane Austen", "Ann"]
    assert [link.author for link in book.authorship_set.all()] == [jane, ann]


def test_an_author_is_not_renamed_over_another_name(browser: Browser, ben: Browser, shelve: Shelve) -> None:
    shelve("Emma", "Jane Austen")
    jane = Author.objects.get()
    adas, bens = opened(browser, jane), opened(ben, jane)
    assert ben.post(change_of(jane), {**bens, "name": "J. Austen"}).status_code == 302
    page = browser.post(change_of(jane), {**adas, "name": "Jane Austin"})
    assert "Saving replaces what the catalogue has now: “J. Austen”" in page.content.decode()
    assert Author.objects.get().name == "J. Austen"
    assert browser.post(change_of(jane), Form(page).sent).status_code == 302
    assert Book.objects.get().author_names == [Author.objects.get().name] == ["Jane Austin"]


def test_what_was_typed_into_the_page_of_a_book_that_is_gone_begins_a_new_one(browser: Browser, shelve: Shelve) -> None:
    book = shelve("Emma", "Jane Austen")
    sent, path = opened(browser, book), change_of(book)
    writing.discard(book)
    page = browser.post(path, {**sent, "title": "Emma (Ada)", "description": "Hers.", "subjects": "Love\nSurrey"})
    assert "Somebody deleted this book after you opened the page." in page.content.decode()
    assert f'action="{LIST}add/"' in page.content.decode()
    assert not Book.objects.exists()
    shown = {name: value for name, value in Form(page).sent.items() if "__prefix__" not in name}
    author = {"authorship_set-0-author": str(Author.objects.get().pk), "authorship_set-0-position": "0"}
    assert browser.post(f"{LIST}add/", {**shown, **author}).status_code == 302
    added = Book.objects.get()
    assert (added.title, added.description, added.subjects) == ("Emma (Ada)", "Hers.", ["Love", "Surrey"])


@pytest.mark.parametrize("kind", ["book", "author"])
def test_what_was_changed_while_its_deletion_was_asked_about_is_asked_about_again(
    browser: Browser, shelve: Shelve, kind: str
) -> None:
    book = shelve("Emma")
    row: Book | Author = book if kind == "book" else Author.objects.create(name="Ann")
    path = f"/admin/books/{kind}/{row.pk}/delete/"
    sent = Form(browser.get(path)).sent
    if isinstance(row, Book):
        writing.change(row, title="Emma 2")
    else:
        writing.rename(row, "Anna")
    page = browser.post(path, sent, follow=True)
    assert [
        str(message) for message in get_messages(page.wsgi_request)
    ] or "Nothing was deleted" in page.content.decode()
    assert "Nothing was deleted" in page.content.decode()
    assert type(row).objects.filter(pk=row.pk).exists()
    assert browser.post(path, Form(page).sent).status_code == 302
    assert not type(row).objects.filter(pk=row.pk).exists()


def test_books_that_were_changed_while_a_bulk_act_was_asked_about_are_left_alone(
    browser: Browser, shelve: Shelve
) -> None:
    emma, faust = shelve("Emma"), shelve("Faust")
    asked = {"action": "delete_selected", "_selected_action": [emma.pk, faust.pk]}
    sent = Form(browser.post(LIST, asked)).sent
    assert sent["seen"] == f"{emma.pk}:{emma.version} {faust.pk}:{faust.version}"
    writing.change(emma, title="Emma, for keeps")
    page = browser.post(LIST, {**sent, **asked}, follow=True)
    assert "1 of 2 books deleted; 1 left alone, for somebody else changed them meanwhile." in page.content.decode()
    assert Book.objects.get().title == "Emma, for keeps"


def test_of_two_saves_at_the_same_moment_one_is_refused(at_once: Callable[..., Any]) -> None:  # noqa: F811
    def prepare() -> tuple[Book, list[tuple[Browser, dict[str, str]]]]:
        book = writing.add(title="Emma", author_names=["Jane Austen"])
        pages = []
        for name in ("Ada", "Ben", "Cleo"):
            browser = Browser()
            browser.force_login(User.objects.create_superuser(name, email=f"{name}@example.com"))
            pages.append((browser, opened(browser, book)))
        return book, pages

    book, pages = one(at_once, prepare)

    def save(browser: Browser, sent: dict[str, str], number: int) -> Callable[[], Any]:
        return lambda: browser.post(change_of(book), {**sent, "title": f"Emma {number}"})

    answers = at_once(*[save(browser, sent, number) for number, (browser, sent) in enumerate(pages)])
    assert sorted(answer.status_code for answer in answers) == [200, 200, 302]
    winner = next(number for number, answer in enumerate(answers) if answer.status_code == 302)
    assert one(at_once, lambda: Book.objects.get().title) == f"Emma {winner}"
    assert all(f"“Emma {winner}”" in answer.content.decode() for answer in answers if answer.status_code == 200)
