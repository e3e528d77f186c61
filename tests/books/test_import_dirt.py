"""Dirty files: whatever is wrong with a row, the others are imported, and a reason with its line is kept."""

import csv
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from books.catalogues import records
from books.models import Book
from tests.books.importing import import_file, import_text

pytestmark = pytest.mark.django_db

QUOTES = "A quoted cell is not closed properly"
GOOD = {"First", "Last"}


@pytest.mark.parametrize(
    "row, reason",
    [
        (b"Bad\0,Somebody,", "title: a NUL character"),
        (b"Bad,Somebody,a\0b", "publisher: a NUL character"),
        (b"Bad \xe9t\xe9,Somebody,", "title: bytes that are no text; is --encoding right?"),
        (b"Bad,Somebody", "The row ends early: it has 2 of 3 columns."),
        (b"Bad,Somebody,Penguin,1815", "The row has 4 columns instead of 3"),
        (b'"Bad,Somebody,Penguin', QUOTES),
        (b'Bad,"Some" body,Penguin', QUOTES),
        (b"%s,Somebody," % (b"x" * 501), "title: longer than 500 characters"),
        (b"Bad,%s," % (b"x" * 301), "authors: a name is longer than 300 characters; is the separator right?"),
        (b"Bad,%s," % b";".join(b"A%d" % n for n in range(101)), "authors: more than 100 names"),
        (b",Somebody,", "title: empty"),
        (b'" ",Somebody,', "title: empty"),
        (b"Bad, ; ;,", "authors: empty"),
        (b",,", "title: empty"),
    ],
)
def test_a_bad_row_is_rejected_and_the_others_are_imported(tmp_path: Path, row: bytes, reason: str) -> None:
    text = b"title,authors,publisher\nFirst,A,\n%s\nLast,B,\n" % row
    imported = import_text(tmp_path, text)
    assert imported.happened == {"created": 2, "rejected": 1}
    assert imported.reasons[3].startswith(reason)
    assert set(Book.objects.values_list("title", flat=True)) == GOOD


@pytest.mark.parametrize(
    "last, reason",
    [
        (b"Bad,Some", "The file ends within this row: it has 2 of 3 columns."),
        (b'Bad,Somebody,"Pengu', QUOTES),
        (b'Bad,"Somebody\nand\nothers', QUOTES),
    ],
)
def test_a_truncated_last_row_is_rejected(tmp_path: Path, last: bytes, reason: str) -> None:
    imported = import_text(tmp_path, b"title,authors,publisher\nFirst,A,\n%s" % last)
    assert imported.reasons[3].startswith(reason)
    assert imported.counts["created"] == 1


def test_a_last_row_needs_no_line_end(tmp_path: Path) -> None:
    assert import_text(tmp_path, "title,authors\nEmma,Jane Austen").happened == {"created": 1}


def test_a_quote_that_is_never_closed_costs_one_row_of_a_long_file(tmp_path: Path) -> None:
    rows = [f'Book {n},"Author, {n}"\n' for n in range(3000)]
    rows[1000] = 'Book 1000,"Author 1000\n'
    rows[2000] = '"Book 2000,Author 2000\n'
    imported = import_text(tmp_path, "title,authors\n" + "".join(rows))
    assert imported.happened == {"created": 2998, "rejected": 2}
    assert set(imported.reasons) == {1002, 2002}


def test_lines_are_counted_as_an_editor_counts_them(tmp_path: Path) -> None:
    text = 'title,authors\r\n"Two\r\nlines",A\r\n\r\n  \r\n,B\r\n"Three\n\nlines",C\n,D\n'
    imported = import_text(tmp_path, text)
    assert imported.happened == {"created": 2, "rejected": 2}
    assert set(imported.reasons) == {6, 10}
    assert set(Book.objects.values_list("title", flat=True)) == {"Two lines", "Three lines"}


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_every_kind_of_line_end_is_understood(tmp_path: Path, end: str) -> None:
    imported = import_text(tmp_path, end.join(["title,authors", "Emma,Jane Austen", ",Nobody", ""]))
    assert imported.happened == {"created": 1, "rejected": 1}
    assert set(imported.reasons) == {3}


def test_empty_cells_that_a_spreadsheet_adds_do_no_harm(tmp_path: Path) -> None:
    assert import_text(tmp_path, "title,authors\nEmma,Jane Austen,,\n").happened == {"created": 1}


def test_a_quote_within_an_unquoted_cell_is_a_character(tmp_path: Path) -> None:
    import_text(tmp_path, 'title,authors\n5" of rain,A\nThe "real" one,B\n')
    assert set(Book.objects.values_list("title", flat=True)) == {'5" of rain', 'The "real" one'}


def test_dirt_in_columns_that_are_ignored_is_ignored(tmp_path: Path) -> None:
    assert import_text(tmp_path, b"title,authors,x\nEmma,Jane Austen,\xff\0\n").happened == {"created": 1}


def test_a_row_beyond_all_measure_is_rejected_without_being_held(tmp_path: Path, monkeypatch: Any) -> None:
    monkeypatch.setattr(records, "MAX_RECORD", 100)
    text = f"title,authors\nFirst,A\nBad,{'x' * 950}\nLast,B\n"
    imported = import_text(tmp_path, text)
    assert imported.happened == {"created": 2, "rejected": 1}
    assert imported.reasons[3].startswith("The row is longer than")
    assert len(imported.rejects[0]["authors"]) <= 100


def test_a_row_of_very_many_lines_is_given_up(tmp_path: Path, monkeypatch: Any) -> None:
    monkeypatch.setattr(records, "MAX_RECORD", 100)
    rows = "".join(f"Book {number},Author {number}\n" for number in range(50))
    imported = import_text(tmp_path, f'title,authors\n"Bad,A\n{rows}')
    assert imported.happened == {"created": 50, "rejected": 1}


@pytest.mark.parametrize("end", ["", '"', 'x"y'])
@pytest.mark.parametrize("line", ['a","', '"x', 'a,"b""', '","', "plain,row", 'a"b","c", "'])
def test_no_line_is_parsed_more_than_a_few_times_however_quotes_are_left_open(
    monkeypatch: Any, line: str, end: str
) -> None:
    lines, reader = [f"{line}\n"] * 2000 + [end], csv.reader
    parsed: list[str] = []

    def counted(source: Any, **how: Any) -> Any:
        def noted() -> Iterator[str]:
            for text in source:
                parsed.append(text)
                yield text

        return reader(noted(), **how)

    monkeypatch.setattr(records, "MAX_RECORD", 5000)
    monkeypatch.setattr(csv, "reader", counted)
    found = [*records.read_records(lines)]
    assert found[-1].line >= 1990, "it went on to the end"
    assert len(parsed) <= 4 * len(lines)


def test_rows_between_a_quote_that_is_not_closed_and_the_place_that_shows_it_are_read(tmp_path: Path) -> None:
    text = 'title,authors\n"Bad,A\nGood,B\nWorse,"B\nBetter,"C"\nLast,D\n'
    imported = import_text(tmp_path, text)
    assert set(Book.objects.values_list("title", flat=True)) == {"Good", "Better", "Last"}
    assert set(imported.reasons) == {2, 4}


def test_a_cell_of_very_many_languages_is_not_read_to_its_end(tmp_path: Path) -> None:
    many = ";".join(f"q{number}" for number in range(50))
    import_text(tmp_path, f"title,authors,language\nA,B,{many};en\nC,D,nonsense ; de | en\n")
    assert dict(Book.objects.values_list("title", "language")) == {"A": "", "C": "de"}


def test_optional_values_that_are_bad_are_left_out_and_counted_by_kind(tmp_path: Path) -> None:
    text = (
        "title,authors,isbn,published_year,language,page_count,rating,publisher,subtitle,description\n"
        f"A,B,9780141439588,MDCCC,klingon,-3,9,{'p' * 301},{'s' * 501},{'d' * 20001}\n"
        "C,D,123,99999,xx-YY,0,NaN,,,\n"
        "E,F,9.78043902348E+12,-5001,english,2147483648,-1,,,\n"
    )
    imported = import_text(tmp_path, text, "-v", "2")
    assert imported.happened == {"created": 3}
    for note in (
        "isbn left out: no check digit proves it: 3 (first in line 2)",
        "published_year left out: not a year: 2 (first in line 2)",
        "published_year left out: not between -5000 and 9999: 1 (first in line 4)",
        "language left out: not a language tag: 3 (first in line 2)",
        "page_count left out: not a number of pages: 3 (first in line 2)",
        "rating left out: not a number from 0 to 5: 3 (first in line 2)",
        "publisher left out: longer than 300 characters: 1 (first in line 2)",
        "subtitle left out: longer than 500 characters: 1 (first in line 2)",
        "description left out: longer than 20,000 characters: 1 (first in line 2)",
        "Line 4: isbn left out: no check digit proves it",
    ):
        assert note in imported.said
    left = Book.objects.get(title="A")
    assert (left.isbn, left.published_year, left.language, left.page_count, left.rating) == (None, None, "", None, None)
    assert (left.publisher, left.subtitle, left.description) == ("", "", "")


def test_subjects_are_cut_to_a_hundred_of_three_hundred_characters(tmp_path: Path) -> None:
    many = ";".join([*(f"S{number}" for number in range(101)), "S1"])
    text = f"title,authors,subjects\nA,B,{many}\nC,D,{'x' * 301}; y;; y\n"
    assert "subjects cut to 100 of 300 characters: 2 (first in line 2)" in import_text(tmp_path, text).said
    assert len(Book.objects.get(title="A").subjects) == 100
    assert Book.objects.get(title="C").subjects == ["x" * 300, "y"]


def test_an_author_named_twice_counts_once(tmp_path: Path) -> None:
    import_text(tmp_path, "title,authors\nHoles,Louis  Sachar; Louis Sachar; A. Friend\n")
    assert Book.objects.get().author_names == ["Louis Sachar", "A. Friend"]


def test_the_rejects_file_holds_the_row_and_can_be_corrected_and_imported(tmp_path: Path) -> None:
    imported = import_text(tmp_path, b'title,authors,shelf\nEmma,,"A ""3"""\nB\xe9b\xe9,C,\n')
    assert imported.rejects == [
        {"line": "2", "reason": "authors: empty", "title": "Emma", "authors": "", "shelf": 'A "3"'},
        {
            "line": "3",
            "reason": "title: bytes that are no text; is --encoding right?",
            "title": r"B\xe9b\xe9",
            "authors": "C",
            "shelf": "",
        },
    ]
    rejects = tmp_path / "rejects.csv"
    corrected = rejects.read_text().replace("Emma,,", "Emma,Jane Austen,").replace(r"\xe9", "é")
    again = import_text(tmp_path, corrected)
    assert again.happened == {"created": 2}
    assert "Ignored columns: line, reason, shelf." in again.said


def test_without_a_rejects_file_the_first_reasons_are_shown(tmp_path: Path) -> None:
    path = tmp_path / "catalogue.csv"
    path.write_text("title,authors\n" + "Emma,\n" * 7)
    said = import_file(path).said
    assert said.count("authors: empty") == 5
    assert "Line 2: authors: empty" in said
    assert "... and 2 more; --rejects FILE keeps them all" in said
