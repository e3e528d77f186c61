"""Rows are read in SQL put together once; it says what Django's own would, in every order, from every place."""

from typing import Any

import pytest
from django.db import connection

from books import writing
from books.fast.reading import is_plain, read_one
from books.models import Author, Book
from books.orderings import AUTHOR_ORDERINGS, BOOK_ORDERINGS
from books.serializers import AUTHOR_COLUMNS, BOOK_COLUMNS
from tests.books.conftest import Shelve

NARROWED = {
    "all": Book.objects.all(),
    "by language": Book.objects.filter(language__in=["en", "de"]),
    "by nothing": Book.objects.filter(isbn__in=[]),
    "by adder": Book.objects.filter(added_by_id="nobody"),
    "by words": Book.objects.matching("emma"),
    "by years and rating": Book.objects.published_from(1800).published_to(1900).rated("3.50"),  # type: ignore[arg-type]
}


@pytest.fixture
def shelf(shelve: Shelve) -> None:
    """Books that differ in everything, and some that do not."""
    for number in range(12):
        absent = number % 3 == 0
        shelve(
            f"Emma {number % 4}",
            f"Author {number % 5}",
            published_year=None if absent else 1800 + 10 * number,
            rating=None if absent else f"{number % 5}.50",
            language=["en", "de", ""][number % 3],
            subjects=["love", "größe"] if number % 2 else [],
            page_count=None if absent else 100,
        )


@pytest.mark.parametrize("narrowed", NARROWED.values(), ids=NARROWED.keys())
@pytest.mark.parametrize("ordering", BOOK_ORDERINGS.values(), ids=BOOK_ORDERINGS.keys())
@pytest.mark.parametrize("backwards", [False, True], ids=["forwards", "backwards"])
def test_rows_are_what_the_orm_reads(shelf: None, narrowed: Any, ordering: Any, backwards: bool) -> None:
    descending = ordering.descending is not backwards
    by = [f"-{name}" if descending else name for name in ordering.names]
    expected = list(narrowed.order_by(*by).values_list(*dict.fromkeys((*BOOK_COLUMNS, *ordering.names)), named=True))
    assert is_plain(narrowed.all())
    assert ordering.rows(narrowed.all(), BOOK_COLUMNS, backwards=backwards, limit=50) == expected
    for place, row in enumerate(expected):
        position = ordering.read(ordering.write(row))
        rest = ordering.rows(narrowed.all(), BOOK_COLUMNS, position=position, backwards=backwards, limit=3)
        assert rest == expected[place + 1 : place + 4]


def test_one_row_is_what_the_orm_reads(shelf: None) -> None:
    for expected in Book.objects.values_list(*BOOK_COLUMNS, named=True):
        assert read_one(Book.objects.all(), BOOK_COLUMNS, expected.id) == expected
    assert read_one(Book.objects.all(), BOOK_COLUMNS, 10**17) is None


def test_authors_are_read_in_the_same_way(shelf: None) -> None:
    by_name = AUTHOR_ORDERINGS["name"]
    expected = list(Author.objects.order_by("name_key", "id").values_list(*AUTHOR_COLUMNS, "name_key", named=True))
    assert len(expected) == 5
    assert by_name.rows(Author.objects.all(), AUTHOR_COLUMNS, limit=50) == expected


@pytest.mark.parametrize(
    "queryset",
    [
        Book.objects.filter(authors__name="Jane Austen"),
        Book.objects.distinct(),
        Book.objects.all()[:5],
        Book.objects.select_for_update(),
        Book.objects.union(Book.objects.all()),
    ],
    ids=["joined", "distinct", "cut", "locked", "united"],
)
def test_anything_but_conditions_on_one_table_is_left_to_django(queryset: Any) -> None:
    assert not is_plain(queryset)


@pytest.mark.skipif(connection.vendor != "postgresql", reason="SQLite does not keep plans.")
@pytest.mark.django_db
def test_a_page_is_planned_once_whatever_its_place_and_by_an_index() -> None:
    shuffled = [number * 797 % 2000 for number in range(2000)]  # in no order that lies side by side on the disk
    writing.add_many(
        [{"title": f"{number:04}", "author_names": ["Ann"], "published_year": number} for number in shuffled]
    )
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE books_book")
        cursor.execute("DEALLOCATE ALL")  # what other tests have prepared
    for ordering in BOOK_ORDERINGS.values():
        first = ordering.rows(Book.objects.all(), BOOK_COLUMNS, limit=21)
        for row in first[:9]:
            ordering.rows(Book.objects.all(), BOOK_COLUMNS, position=ordering.read(ordering.write(row)), limit=21)
    with connection.cursor() as cursor:
        cursor.execute("SELECT name, cardinality(parameter_types), custom_plans FROM pg_prepared_statements")
        prepared = cursor.fetchall()
        assert len(prepared) == 2 * len(BOOK_ORDERINGS)
        for name, parameters, planned_anew in prepared:
            assert planned_anew == 0
            values = f"({', '.join(['NULL'] * parameters)})" if parameters else ""
            cursor.execute(f'EXPLAIN EXECUTE "{name}" {values}')
            plan = "\n".join(line for (line,) in cursor.fetchall())
            assert "Index Scan" in plan
            assert "Sort" not in plan
            assert " rows=21 " in plan.partition("\n")[0], "It does not know how few are wanted."
