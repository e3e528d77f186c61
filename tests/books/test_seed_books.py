"""Made-up books: valid, varied, and the same ones every time."""

from collections import Counter
from io import StringIO
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import IntegrityError, OperationalError

from books.catalogues.synthetic import ABSENT_WORD, COMMON_WORD, MAX_NUMBER, RARE_WORD, isbn_of, number_of
from books.management.commands import seed_books
from books.models import Author, Authorship, Book
from books.serializers import BookSerializer
from books.standards import isbn13
from tests.books.conftest import Shelve

pytestmark = pytest.mark.django_db


def seed(count: int, **options: Any) -> str:
    out = StringIO()
    call_command("seed_books", str(count), stdout=out, **options)
    return out.getvalue()


def told(**options: Any) -> list[tuple[Any, ...]]:
    """What is told of each book, but for times and ids."""
    columns = ("isbn", "title", "subtitle", "author_names", "published_year", "language", "rating", "subjects")
    return list(Book.objects.filter(**options).order_by("pk").values_list(*columns))


def test_every_book_is_one_the_api_would_take() -> None:
    seed(300)
    for book in Book.objects.all():
        data = {name: value for name, value in BookSerializer(book, context={"request": None}).data.items() if value}
        data.pop("isbn")
        serializer = BookSerializer(data=data)
        assert serializer.is_valid(), serializer.errors
        assert isbn13(book.isbn or "") == book.isbn
        assert book.author_names == [link.author.name for link in book.authorship_set.all()]


def test_running_again_goes_on_where_the_last_run_ended() -> None:
    seed(7)
    seed(5)
    in_two = told()
    times = list(Book.objects.order_by("pk").values_list("created_at", flat=True))
    assert times == sorted(times)
    assert [number_of(row[0]) for row in in_two] == list(range(1, 13))
    Book.objects.all().delete()
    seed(12)
    assert told() == in_two


def test_another_seed_gives_other_books() -> None:
    seed(5)
    first = [row[1] for row in told()]
    Book.objects.all().delete()
    seed(5, seed=2)
    assert [row[1] for row in told()] != first


def test_books_of_people_are_left_alone(shelve: Shelve) -> None:
    shelve("Moby-Dick", isbn="9780142437247")
    seed(3)
    assert Book.objects.count() == 4


def test_words_of_titles_are_certain() -> None:
    said = seed(200)
    assert Book.objects.matching(COMMON_WORD).count() == 20
    assert Book.objects.matching(RARE_WORD).count() == 1
    assert not Book.objects.matching(ABSENT_WORD).exists()
    assert "'river' is in one of 10" in said


def test_few_things_are_common_and_most_are_rare() -> None:
    seed(2500)
    books = Book.objects.all()
    languages = Counter(books.values_list("language", flat=True))
    years = list(books.values_list("published_year", flat=True))
    assert languages["en"] > 1500
    assert len(languages) > 8
    assert 20 < years.count(None) < 300
    assert 5 < sum(year is not None and year < 0 for year in years) < 80
    assert 300 < books.filter(rating=None).count() < 700
    assert len(set(books.values_list("title", flat=True))) > 2000
    by_author = Counter(Authorship.objects.values_list("author", flat=True))
    assert by_author.most_common(1)[0][1] > 20
    assert Author.objects.count() > 1000
    oldest, newest = books.order_by("pk").first(), books.order_by("pk").last()
    assert oldest
    assert newest
    assert (newest.created_at - oldest.created_at).days > 4 * 365


@pytest.mark.parametrize("count", ["0", "-1", "many", "1.5", "1" * 20])
def test_the_number_of_books_is_a_whole_one(count: str) -> None:
    with pytest.raises(CommandError, match="whole number"):
        call_command("seed_books", count)


def test_there_are_only_so_many_isbns(shelve: Shelve) -> None:
    shelve(isbn=isbn_of(MAX_NUMBER - 1))
    with pytest.raises(CommandError, match="There are only 99,999,999"):
        seed(2)
    seed(1)
    assert Book.objects.filter(isbn=isbn_of(MAX_NUMBER)).exists()


def test_ctrl_c_leaves_whole_batches(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(seed_books, "BATCH", 2)
    add = seed_books._add

    def interrupted(books: list[dict[str, Any]]) -> None:
        if number_of(books[0]["isbn"]) > 2:
            raise KeyboardInterrupt
        add(books)

    monkeypatch.setattr(seed_books, "_add", interrupted)
    with pytest.raises(SystemExit) as stopped:
        call_command("seed_books", "5")
    assert stopped.value.code == 130
    assert "for the other 3" in capsys.readouterr().err
    assert Book.objects.count() == Authorship.objects.values("book").distinct().count() == 2


@pytest.mark.parametrize("error", [IntegrityError, OperationalError])
def test_a_database_that_fails_is_one_clear_line(monkeypatch: pytest.MonkeyPatch, error: type[Exception]) -> None:
    def failing(*anything: Any) -> None:
        raise error("disk full")

    monkeypatch.setattr(seed_books, "_add", failing)
    with pytest.raises(CommandError, match="The database failed after 0 books: disk full"):
        seed(1)
