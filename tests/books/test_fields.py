"""Every field of the table goes all the way: JSON, history, CSV out and in, presets, the admin form, the column."""

import csv
import io
from pathlib import Path
from typing import Any

import pytest
from django.test import Client as Browser

from books.book_fields import BOOK_FIELDS, FIELD_NAMES, BookField, Kind
from books.catalogues.presets import PRESETS
from books.models import Book, BookChange
from tests.books.conftest import BOOKS, Shelve
from tests.books.importing import import_text
from tests.conftest import Client

# Two values of each field, as JSON.
EXAMPLES: dict[str, tuple[Any, Any]] = {
    "isbn": ("9780141439587", "9780141439518"),
    "title": ("Emma", "Pride and Prejudice"),
    "subtitle": ("A Novel", "Another Novel"),
    "authors": (["Jane Austen", "Fiona Stafford"], ["Vivien Jones", "Jane Austen"]),
    "publisher": ("Penguin", "Egerton"),
    "published_year": (1815, 1813),
    "language": ("en", "pt-BR"),
    "page_count": (474, 435),
    "rating": (4.05, 4.25),
    "subjects": (["England; Highbury", "Love"], ["Marriage"]),
    "description": ("Handsome,\nclever and rich.", "A truth."),
}
FIRST, SECOND = ({name: pair[turn] for name, pair in EXAMPLES.items()} for turn in (0, 1))

pytestmark = pytest.mark.django_db


def own(book: dict[str, Any]) -> dict[str, Any]:
    """The members of a book that have an example."""
    return {name: value for name, value in book.items() if name in EXAMPLES}


def test_the_table_names_what_people_write_in_the_order_of_the_answer(uma: Client) -> None:
    book = uma.post(BOOKS, FIRST).json()
    assert list(FIELD_NAMES) == list(EXAMPLES)
    assert list(book) == ["id", *FIELD_NAMES, "added_by", "created_at", "updated_at", "url"]
    assert own(book) == FIRST


def test_the_history_records_every_field(uma: Client) -> None:
    url = uma.post(BOOKS, FIRST).json()["url"]
    assert own(uma.patch(url, SECOND).json()) == SECOND
    news = BookChange.objects.get(action="changed").news
    assert news.keys() == {field.column for field in BOOK_FIELDS}


def test_a_csv_file_brings_every_field_out_and_in_again(browser: Browser, uma: Client, tmp_path: Path) -> None:
    url = uma.post(BOOKS, FIRST).json()["url"]
    exported = b"".join(browser.get("/admin/books/book/export/").streaming_content)  # type: ignore[attr-defined]
    rows = list(csv.reader(io.StringIO(exported.decode("utf-8-sig"), newline="")))
    assert rows[0] == list(FIELD_NAMES)
    assert all(rows[1])
    uma.delete(url)
    assert import_text(tmp_path, exported).happened == {"created": 1}
    assert own(uma.get(BOOKS).json()["results"][0]) == FIRST


def test_a_form_of_the_admin_has_every_field(browser: Browser, shelve: Shelve) -> None:
    page = browser.get(f"/admin/books/book/{shelve().pk}/change/").content.decode()
    names = [field.column for field in BOOK_FIELDS if field.name != "authors"]
    assert [name for name in names if f' name="{name}"' not in page] == []
    assert 'name="authorship_set-0-author"' in page


@pytest.mark.parametrize("preset", PRESETS)
def test_a_preset_names_fields_of_the_table(preset: str) -> None:
    assert {*PRESETS[preset].columns, *PRESETS[preset].separators} <= set(FIELD_NAMES)


@pytest.mark.parametrize("field", BOOK_FIELDS, ids=lambda field: field.name)
def test_a_column_holds_what_the_table_allows(field: BookField) -> None:
    column: Any = Book._meta.get_field(field.column)
    if field.kind in (Kind.TEXT, Kind.PROSE, Kind.LANGUAGE):
        assert (column.max_length, column.null) == (field.max_length, False)
    elif field.kind is not Kind.NAMES:
        assert column.null is not field.required
    assert column.blank is not field.required or not column.editable
