"""The catalogue in the admin: it looks after the same promises as the API."""

from decimal import Decimal
from typing import Any

import pytest
from django.contrib.admin.sites import site
from django.test import Client as Browser

from books.models import Author, Book
from tests.books.conftest import Shelve

LIST, ADD = "/admin/books/book/", "/admin/books/book/add/"


def form(*authors: Author, book: Book | None = None, **values: Any) -> dict[str, Any]:
    """What the page of a book sends."""
    optional = "isbn subtitle description subjects publisher published_year language page_count rating"
    empty = dict.fromkeys(optional.split(), "")
    links = list(book.authorship_set.all()) if book else []
    rows: dict[str, Any] = {"authorship_set-TOTAL_FORMS": len(authors), "authorship_set-INITIAL_FORMS": len(links)}
    for place, author in enumerate(authors):
        rows[f"authorship_set-{place}-author"] = author.pk
        rows[f"authorship_set-{place}-position"] = place
        if place < len(links):
            rows[f"authorship_set-{place}-id"] = links[place].pk
            rows[f"authorship_set-{place}-book"] = book.pk if book else ""
    return {**empty, "title": "Emma", **rows, **values}


@pytest.fixture
def jane(db: None) -> Author:
    return Author.objects.create(name="Jane Austen")


@pytest.fixture
def fiona(db: None) -> Author:
    return Author.objects.create(name="Fiona Stafford")


def test_a_book_added_here_keeps_every_promise(browser: Browser, jane: Author, fiona: Author) -> None:
    sent = form(fiona, jane, isbn="0-14-143958-0", language="ENG", subjects="Matchmaking\n\n Surrey \nSurrey")
    assert browser.post(ADD, sent).status_code == 302
    book = Book.objects.get()
    assert book.author_names == ["Fiona Stafford", "Jane Austen"]
    assert (book.isbn, book.language, book.subjects) == ("9780141439587", "en", ["Matchmaking", "Surrey"])
    assert list(Book.objects.matching("emma austen surrey")) == [book]
    assert list(Book.objects.by_author("fiona stafford").about("surrey")) == [book]


def test_a_book_changed_here_has_another_version_and_other_words(
    browser: Browser, jane: Author, fiona: Author, shelve: Shelve
) -> None:
    book = shelve("Emma", "Jane Austen", isbn="9780141439587")
    sent = form(fiona, book=book, title="Persuasion")
    assert browser.post(f"{LIST}{book.pk}/change/", sent).status_code == 302
    after = Book.objects.get()
    assert (after.title, after.author_names, after.isbn) == ("Persuasion", ["Fiona Stafford"], None)
    assert after.version > book.version
    assert not Book.objects.matching("emma").exists()
    assert list(Book.objects.matching("persuasion fiona")) == [after]


@pytest.mark.parametrize(
    "wrong, said",
    [
        ({"isbn": "9780141439588"}, "check digit"),
        ({"language": "xx-YY"}, "BCP 47"),
        ({"rating": "5.01"}, "less than or equal to 5"),
        ({"page_count": "0"}, "greater than or equal to 1"),
        ({"published_year": "99999"}, "less than or equal to 9999"),
        ({"subjects": "x" * 301}, "At most 100 lines"),
        ({"title": " "}, "required"),
    ],
)
def test_what_the_api_refuses_is_refused_here(browser: Browser, jane: Author, wrong: Any, said: str) -> None:
    page = browser.post(ADD, form(jane, **wrong))
    assert page.status_code == 200
    assert said in page.content.decode()
    assert not Book.objects.exists()


def test_a_book_has_an_author_here_too(browser: Browser, db: None) -> None:
    assert b"Please submit at least 1 form" in browser.post(ADD, form()).content


def test_an_isbn_is_taken_here_too(browser: Browser, jane: Author, shelve: Shelve) -> None:
    shelve("Emma", isbn="9780141439587")
    assert b"Another book has it." in browser.post(ADD, form(jane, isbn="0141439580")).content


def test_an_author_renamed_here_is_renamed_in_the_books(browser: Browser, shelve: Shelve) -> None:
    book = shelve("Emma", "Jane Austen", "Fiona Stafford")
    jane = Author.objects.get(name="Jane Austen")
    url = f"/admin/books/author/{jane.pk}/change/"
    assert b"already exists" in browser.post(url, {"name": "Fiona Stafford"}).content
    assert browser.post(url, {"name": "J. Austen"}).status_code == 302
    assert Book.objects.get().author_names == ["J. Austen", "Fiona Stafford"]
    assert Book.objects.get().version > book.version


def test_an_author_of_a_book_is_not_deleted(browser: Browser, shelve: Shelve) -> None:
    shelve("Emma", "Jane Austen")
    jane = Author.objects.get()
    assert b"protected" in browser.post(f"/admin/books/author/{jane.pk}/delete/", {"post": "yes"}).content
    assert Author.objects.exists()


def test_the_list_searches_as_the_api_does(browser: Browser, shelve: Shelve) -> None:
    shelve("Émma", "Jane Austen")
    shelve("Faust", "Goethe")
    page = browser.get(LIST, {"q": "EMMA austen"}).content.decode()
    assert "Émma" in page
    assert "Faust" not in page
    assert "Faust" in browser.get(LIST, {"q": "!!"}).content.decode()


def test_the_list_costs_the_same_number_of_queries_whatever_is_on_it(
    browser: Browser, shelve: Shelve, django_assert_max_num_queries: Any
) -> None:
    for number in range(30):
        shelve(f"Book {number}", f"Author {number}")
    with django_assert_max_num_queries(12):
        browser.get(LIST)


@pytest.mark.parametrize(
    "query, found",
    [
        ({"published": "1800-1899"}, ["Emma"]),
        ({"published": "unknown"}, ["Faust"]),
        ({"rated": "from-4"}, ["Emma"]),
        ({"rated": "none"}, ["Faust"]),
        ({"isbn__isempty": "1"}, ["Faust"]),
        ({"language": "de"}, ["Faust"]),
        ({"origin": "import"}, ["Emma", "Faust"]),
        ({"origin": "me"}, []),
        ({"origin": "nonsense"}, ["Emma", "Faust"]),
        ({"created_at__year": "2020"}, []),
    ],
)
def test_the_list_is_narrowed(browser: Browser, shelve: Shelve, query: dict[str, str], found: list[str]) -> None:
    shelve("Emma", isbn="9780141439587", published_year=1815, rating=Decimal("4.25"), language="en")
    shelve("Faust", language="de")
    page = browser.get(LIST, query)
    assert sorted(book.title for book in page.context["cl"].result_list) == found


def test_a_book_added_here_is_the_administrators_own(browser: Browser, jane: Author) -> None:
    browser.post(ADD, form(jane))
    assert [book.title for book in browser.get(LIST, {"origin": "me"}).context["cl"].result_list] == ["Emma"]


@pytest.mark.parametrize(
    "path", [LIST, ADD, "/admin/books/author/", "/admin/books/author/add/", "/admin/books/bookchange/"]
)
def test_every_page_opens(browser: Browser, shelve: Shelve, path: str) -> None:
    shelve()
    assert browser.get(path).status_code == 200


def test_a_book_opens_with_its_subjects_on_lines(browser: Browser, shelve: Shelve) -> None:
    book = shelve("Emma", subjects=["Love", "Surrey"])
    assert "Love\nSurrey" in browser.get(f"{LIST}{book.pk}/change/").content.decode()


def test_authors_are_completed_while_typing(browser: Browser, jane: Author) -> None:
    query = {"term": "austen", "app_label": "books", "model_name": "authorship", "field_name": "author"}
    found = browser.get("/admin/autocomplete/", query).json()["results"]
    assert [each["text"] for each in found] == ["Jane Austen"]


def test_links_are_made_with_their_books_and_nowhere_else() -> None:
    assert {model.__name__ for model in site._registry if model._meta.app_label == "books"} == {
        "Author",
        "Book",
        "BookChange",
    }
