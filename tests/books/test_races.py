"""Two at once: the same ISBN, the same state of a book, the same new author. Exactly one wins, nobody gets a 500."""

import random
import threading
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from django.db import connection, connections, transaction

from accounts.models import User
from books import writing
from books.models import Author, Book
from tests.books.conftest import BOOKS
from tests.conftest import Client

Do = Callable[[], Any]
EMMA = {"title": "Emma", "authors": ["Jane Austen"]}


@pytest.fixture
def at_once(transactional_db: None, tmp_path: Path) -> Callable[..., list[Any]]:
    """Runs functions at the same moment, each in a thread with a connection of its own; gives their results.

    The test database of SQLite is in memory, where connections refuse each other at once instead of waiting as they
    do on a file. So there all threads work on a copy of it in a file.
    """
    file = tmp_path / "copy.sqlite3"
    if connection.vendor == "sqlite":
        with connection.cursor() as cursor:
            cursor.execute("VACUUM INTO %s", [str(file)])

    def run(*things: Do) -> list[Any]:
        barrier = threading.Barrier(len(things))

        def one(thing: Do) -> Any:
            own = connections["default"]
            if own.vendor == "sqlite":
                own.settings_dict = own.settings_dict | {"NAME": str(file)}
            try:
                barrier.wait(timeout=60)
                return thing()
            finally:
                own.close()

        with ThreadPoolExecutor(len(things)) as threads:
            return list(threads.map(one, things))

    return run


def one(at_once: Callable[..., Any], thing: Do) -> Any:
    """Do one thing where the others are done."""
    return at_once(thing)[0]


def statuses(responses: list[Any]) -> Counter[int]:
    return Counter(response.status_code for response in responses)


def test_of_many_books_with_the_same_isbn_one_is_kept(at_once: Callable[..., Any], uma: Client, ulf: Client) -> None:
    def post(client: Client, number: int) -> Do:
        book = EMMA | {"isbn": "9780141439587", "title": f"Emma {number}", "authors": ["Jane Austen", f"N{number}"]}
        return lambda: client.post(BOOKS, book)

    responses = at_once(*[post(client, number) for number, client in enumerate((uma, ulf) * 3)])
    assert statuses(responses) == {201: 1, 409: 5}
    assert {response.json()["code"] for response in responses if response.status_code == 409} == {"isbn_taken"}
    assert one(at_once, Book.objects.count) == 1
    assert one(at_once, Author.objects.count) == 2


def test_an_isbn_is_given_to_one_of_two_books_changed_at_once(at_once: Callable[..., Any], uma: Client) -> None:
    urls = [one(at_once, lambda: uma.post(BOOKS, EMMA))["Location"] for _ in range(2)]
    responses = at_once(*[lambda url=url: uma.patch(url, {"isbn": "9780141439587"}) for url in urls])
    assert statuses(responses) == {200: 1, 409: 1}


def test_of_writers_who_know_the_same_state_one_wins(at_once: Callable[..., Any], uma: Client, ada: Client) -> None:
    added = one(at_once, lambda: uma.post(BOOKS, EMMA))

    def patch(client: Client, number: int) -> Do:
        headers = {"If-Match": added["ETag"]}
        return lambda: client.patch(added["Location"], {"title": f"Emma {number}"}, headers=headers)

    responses = at_once(*[patch(client, number) for number, client in enumerate((uma, ada) * 3)])
    assert statuses(responses) == {200: 1, 412: 5}
    winner = next(response for response in responses if response.status_code == 200)
    assert one(at_once, lambda: uma.get(added["Location"])).json() == winner.json()


def test_writers_who_do_not_ask_come_one_after_the_other(at_once: Callable[..., Any], uma: Client) -> None:
    url = one(at_once, lambda: uma.post(BOOKS, EMMA))["Location"]

    def patch(number: int) -> Do:
        return lambda: uma.patch(url, {"authors": [f"A{number}", f"B{number}"], "subjects": [f"S{number}"]})

    responses = at_once(*map(patch, range(6)))
    assert statuses(responses) == {200: 6}
    assert len({response["ETag"] for response in responses}) == 6, "no two states have the same tag"
    book = one(at_once, lambda: uma.get(url).json())
    assert book["subjects"][0][1:] == book["authors"][0][1:] == book["authors"][1][1:]
    links = one(at_once, lambda: list(Book.objects.get().authorship_set.values_list("author__name", flat=True)))
    assert links == book["authors"]


def test_a_book_is_deleted_once(at_once: Callable[..., Any], uma: Client) -> None:
    url = one(at_once, lambda: uma.post(BOOKS, EMMA))["Location"]
    responses = at_once(*[lambda: uma.delete(url)] * 4)
    assert statuses(responses) == {204: 1, 404: 3}


def test_new_authors_and_new_people_are_made_once(at_once: Callable[..., Any], uma: Client) -> None:
    names = [f"Author {number}" for number in range(8)]

    def post(turn: int) -> Do:
        return lambda: uma.post(BOOKS, EMMA | {"authors": names[turn:] + names[:turn]})

    assert statuses(at_once(*map(post, range(6)))) == {201: 6}
    assert one(at_once, Author.objects.count) == 8
    assert one(at_once, User.objects.count) == 1


def test_an_author_is_renamed_while_their_books_are_changed(at_once: Callable[..., Any], uma: Client) -> None:
    url = one(at_once, lambda: uma.post(BOOKS, EMMA))["Location"]
    rename = lambda: writing.rename(Author.objects.get(name="Jane Austen"), "J. Austen")  # noqa: E731
    *responses, _ = at_once(*[lambda: uma.patch(url, {"rating": 4})] * 4, rename)
    assert statuses(responses) == {200: 4}
    assert one(at_once, lambda: uma.get(url).json())["authors"] == ["J. Austen"]


def test_those_who_add_books_of_the_same_new_authors_never_wait_in_a_circle(at_once: Callable[..., Any]) -> None:
    names = [f"{letter}{number}" for number in range(3) for letter in ("B", "_c", "a", "Á")]

    together = threading.Barrier(6)

    def add(number: int) -> Do:
        chance = random.Random(number)

        def many() -> None:
            for turn in range(100):
                together.wait(timeout=60)
                authors = [f"{name} {turn}" for name in chance.sample(names, 8)]
                writing.add(title="Emma", author_names=authors)

        return many

    at_once(*[add(number) for number in range(6)])
    assert one(at_once, Book.objects.count) == 600


@pytest.mark.skipif(connection.vendor != "postgresql", reason="Whoever writes to SQLite is alone.")
def test_books_that_are_added_while_their_author_is_renamed_have_the_names_of_their_links(
    at_once: Callable[..., Any],
) -> None:
    one(at_once, lambda: Author.objects.create(name="Jane 0"))
    turns, together = 40, threading.Barrier(4)

    def rename() -> None:
        jane = Author.objects.get(name="Jane 0")
        for turn in range(turns):
            together.wait(timeout=60)
            writing.rename(jane, f"Jane {turn + 1}")

    def add(in_bulk: bool) -> Do:
        def many() -> None:
            for turn in range(turns):
                together.wait(timeout=60)
                if in_bulk:
                    with transaction.atomic():
                        writing.add_many([{"title": "Emma", "author_names": [f"Jane {turn}", f"Fiona {turn}"]}])
                else:
                    writing.add(title="Emma", author_names=[f"Jane {turn}"])

        return many

    at_once(rename, add(in_bulk=False), add(in_bulk=False), add(in_bulk=True))
    books = one(
        at_once,
        lambda: [
            (book.author_names, [a.name for a in book.authors.order_by("authorship__position")])
            for book in Book.objects.all()
        ],
    )
    assert len(books) == 3 * turns
    assert [names for names, linked in books if names != linked] == []
