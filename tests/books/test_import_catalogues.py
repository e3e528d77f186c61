"""The two real catalogues, whole: every row is accounted for, and a second run changes nothing."""

from collections.abc import Callable
from decimal import Decimal
from pathlib import Path

import pytest
from django.db.models import Model
from stdnum import isbn as stdnum_isbn

from books.models import Author, Authorship, Book
from books.standards import language_tag
from tests.books.importing import Imported, import_file

DATA = Path(__file__).parents[2].parent / "shared" / "data"

pytestmark = [
    pytest.mark.django_db,
    pytest.mark.skipif(not DATA.is_dir(), reason="The real catalogues are not here."),
]


def twice(name: str, tmp_path: Path) -> tuple[Imported, Imported]:
    """Import a catalogue two times. The second run must not touch a single row of any table."""

    def everything() -> list[object]:
        tables: list[type[Model]] = [Book, Author, Authorship]
        return [list(table._default_manager.order_by("pk").values_list()) for table in tables]

    def run() -> Imported:
        return import_file(DATA / f"{name}.csv", "--preset", name, rejects=tmp_path / "rejects.csv")

    first, before = run(), everything()
    second = run()
    assert everything() == before
    return first, second


def all_fit(check: Callable[[Book], bool]) -> bool:
    return all(check(book) for book in Book.objects.iterator())


def test_goodbooks(tmp_path: Path) -> None:
    first, second = twice("goodbooks", tmp_path)
    assert first.happened == {"created": 10_000}
    assert second.happened == {"unchanged": 10_000}
    assert "isbn repaired: its check digit proves it: 6," in first.said
    assert "isbn left out: no check digit proves it: 14" in first.said

    hunger = Book.objects.get(isbn="9780439023481")
    assert (hunger.title, hunger.subtitle) == ("The Hunger Games", "The Hunger Games, #1")
    assert (hunger.author_names, hunger.published_year) == (["Suzanne Collins"], 2008)
    assert (hunger.language, hunger.rating) == ("en", Decimal("4.34"))
    assert Book.objects.get(isbn="9780439554930").author_names == ["J.K. Rowling", "Mary GrandPré"]
    assert Book.objects.filter(title="The Epic of Gilgamesh", published_year=-1750).exists()
    assert Book.objects.filter(isbn="9780385536073", title="Calico Joe").exists()

    assert all_fit(lambda book: book.isbn is None or stdnum_isbn.is_valid(book.isbn))
    assert all_fit(lambda book: not book.language or language_tag(book.language) == book.language)
    assert Book.objects.filter(isbn=None).count() == 565 + 142


def test_gutenberg(tmp_path: Path) -> None:
    first, second = twice("gutenberg", tmp_path)
    assert first.counts["read"] == second.counts["read"] == 7660
    # 124 rows are films, music, sounds and data; 16 name nobody; 143 are other editions with nothing to tell them by.
    assert first.happened == {"created": 7377, "unchanged": 143, "rejected": 140}
    assert second.happened == {"unchanged": 7520, "rejected": 140}
    assert sum(reason.startswith("Not a book: Type is") for reason in first.reasons.values()) == 124
    assert sum(reason == "authors: empty" for reason in first.reasons.values()) == 16

    rights = Book.objects.get(title="The United States Bill of Rights")
    assert rights.subtitle == "The Ten Original Amendments to the Constitution of the United States"
    assert (rights.author_names, rights.published_year, rights.language) == (["United States"], None, "en")
    assert Book.objects.get(title="A Strange Story — Complete").author_names == ["Edward Bulwer Lytton"]
    assert Book.objects.filter(title='"My Novel" — Volume 01').exists(), "the truncated last row"
    assert Book.objects.by_author("Lewis Carroll").exists()
    assert not Author.objects.filter(name__contains="[").exists()
    assert not Author.objects.filter(name__regex=r"\d{4}-").exists()
