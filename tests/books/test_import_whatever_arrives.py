"""Any file at all: no row is lost from the count, and a second run changes nothing."""

import csv
import io
from itertools import product
from pathlib import Path
from typing import Any

import pytest
from django.db import transaction
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from books import writing
from books.catalogues import loading
from books.catalogues.layout import Layout
from books.catalogues.loading import Loader, batches
from books.catalogues.presets import PRESETS
from books.catalogues.records import decoded, physical_lines, read_records
from books.catalogues.report import Report
from books.catalogues.rows import Outcome
from books.catalogues.seen import SeenRows
from books.models import Authorship, Book
from tests.books.importing import import_text

pytestmark = pytest.mark.django_db
patiently = settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)

COLUMNS = "isbn,title,subtitle,authors,publisher,published_year,language,page_count,rating,subjects,description"
DIRT = st.one_of(
    st.text(max_size=8),
    st.text('",;\r\n\0 ', max_size=6),
    st.sampled_from(["", "9780141439587", "141439580", "9.78E12", "Emma", "A; B", "1815.0", "-5", "en", "99999999999"]),
)
ROWS = st.lists(st.lists(DIRT, min_size=1, max_size=12), max_size=6)


def written(rows: list[list[str]]) -> str:
    """A CSV file of these rows, well formed."""
    file = io.StringIO()
    csv.writer(file).writerows([COLUMNS.split(","), *rows])
    return file.getvalue()


@patiently
@given(rows=ROWS)
def test_rows_of_any_cells_are_all_accounted_for(tmp_path: Path, rows: list[list[str]]) -> None:
    with transaction.atomic():
        imported = import_text(tmp_path, written(rows))
        assert imported.counts["created"] == Book.objects.count()
        assert all(set(book.author_names) == {a.name for a in book.authors.all()} for book in Book.objects.all())
        transaction.set_rollback(True)


@patiently
@given(body=st.binary(max_size=200), preset=st.sampled_from([None, *PRESETS]))
def test_bytes_of_any_kind_after_a_header_are_all_accounted_for(
    tmp_path: Path, body: bytes, preset: str | None
) -> None:
    options = ("--preset", preset) if preset else ()
    with transaction.atomic():
        import_text(tmp_path, COLUMNS.encode() + b",Type\n" + body, *options)
        transaction.set_rollback(True)


@given(body=st.text('ab,"\n\r', max_size=60))
def test_every_line_of_any_text_is_in_some_row_or_blank(body: str) -> None:
    text = io.TextIOWrapper(io.BytesIO(body.encode()), "utf-8", newline="")
    lines = list(physical_lines(decoded(io.BytesIO(body.encode()), "utf-8")))
    assert "".join(lines) == body
    starts = [record.line for record in read_records(physical_lines(text))]
    assert starts == sorted(set(starts))
    assert all(1 <= line <= len(lines) for line in starts)


# Few titles, ISBNs and years, so that rows meet each other and the books that are there in every way.
SMALL_ROWS = st.lists(
    st.tuples(
        st.sampled_from(["", "9780141439587", "9780142437247"]),
        st.sampled_from(["A", "a", "B"]),
        st.sampled_from(["", "s", "t"]),
        st.sampled_from(["X", "X; Y"]),
        st.sampled_from(["", "1"]),
        st.sampled_from(["", "1", "2"]),
    ),
    max_size=8,
)
SMALL_HEADER = ["isbn", "title", "subtitle", "authors", "published_year", "rating"]


def outcome(rows: list[tuple[str, ...]], *, dry_run: bool = False) -> Report:
    """What becomes of rows, in batches of three."""
    file, report = io.StringIO(), Report()
    csv.writer(file).writerows([SMALL_HEADER, *rows])
    records = read_records(io.StringIO(file.getvalue(), newline=""))
    layout = Layout.of(next(records))
    with SeenRows() as seen:
        loader = Loader(seen, dry_run=dry_run)
        for batch in batches(map(layout.read, records)):
            loader.load(batch)
            report.add(batch)
    return report


@settings(patiently, max_examples=150)
@given(there=SMALL_ROWS, rows=SMALL_ROWS)
def test_dry_runs_say_the_same_and_second_runs_change_nothing(monkeypatch: Any, there: Any, rows: Any) -> None:
    monkeypatch.setattr(loading, "BATCH", 3)
    with transaction.atomic():
        for isbn, title, subtitle, authors, year, rating in there:
            if not isbn or not Book.objects.filter(isbn=isbn).exists():
                writing.add(
                    isbn=isbn or None,
                    title=title,
                    subtitle=subtitle,
                    author_names=authors.split("; "),
                    published_year=int(year) if year else None,
                    rating=int(rating) if rating else None,
                )
        dry = outcome(rows, dry_run=True)
        first = outcome(rows)
        assert (dry.outcomes, dry.notes) == (first.outcomes, first.notes)
        before = [list(table.objects.order_by("pk").values()) for table in (Book, Authorship)]
        second = outcome(rows)
        assert (second.outcomes[Outcome.CREATED], second.outcomes[Outcome.UPDATED]) == (0, 0)
        assert second.outcomes[Outcome.REJECTED] == first.outcomes[Outcome.REJECTED]
        assert [list(table.objects.order_by("pk").values()) for table in (Book, Authorship)] == before
        transaction.set_rollback(True)


def test_two_short_rows_are_never_lost_whatever_they_have_in_common() -> None:
    """Each pair of small rows, without chance: either becomes a book, or says why not."""
    choices = [(isbn, title, year) for isbn, title, year in product(("", "9780141439587"), "AB", ("", "1"))]
    for one, other in product(choices, repeat=2):
        with transaction.atomic():
            report = outcome([(isbn, title, "", "X", year, "") for isbn, title, year in (one, other)])
            assert report.read == 2
            assert report.outcomes[Outcome.CREATED] == Book.objects.count()
            transaction.set_rollback(True)
