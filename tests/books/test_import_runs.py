"""How an import runs: dry, interrupted, against rivals, in bounded memory; and when it cannot run at all."""

import gc
import io
import threading
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import IntegrityError, OperationalError, connection, connections

from books import writing
from books.catalogues import loading
from books.catalogues.layout import Layout
from books.catalogues.presets import OWN
from books.catalogues.records import Record
from books.catalogues.report import Report
from books.catalogues.rows import Row
from books.models import Author, Book
from tests.books.conftest import Shelve
from tests.books.importing import import_file, import_text

EMMA = "9780141439587"
HEAD = "isbn,title,authors,rating\n"
FIVE = "title,authors\n" + "".join(f"Book {number},Author {number}\n" for number in range(5))


@pytest.mark.django_db
def test_a_dry_run_says_the_same_and_writes_nothing(tmp_path: Path, shelve: Shelve, monkeypatch: Any) -> None:
    monkeypatch.setattr(loading, "BATCH", 2)
    shelve("Emma", "Jane Austen", isbn=EMMA)
    text = HEAD + f"{EMMA},Emma,Jane Austen,4\n,A,B,\n,C,D,\n,A,B,\n,,,\n{EMMA},Sanditon,Jane Austen,\n"
    before = list(Book.objects.values())
    dry = import_text(tmp_path, text, "--dry-run")
    assert "dry run: nothing was written" in dry.said
    assert list(Book.objects.values()) == before
    assert Author.objects.count() == 1
    wet = import_text(tmp_path, text)
    assert (dry.counts, dry.rejects) == (wet.counts, wet.rejects)
    assert wet.happened == {"created": 2, "updated": 1, "unchanged": 1, "rejected": 2}


@pytest.mark.django_db
def test_a_catalogue_with_books_is_left_alone_when_asked(tmp_path: Path, shelve: Shelve) -> None:
    path = tmp_path / "five.csv"
    path.write_text(FIVE)
    assert import_file(path, "--if-empty").happened == {"created": 5}
    shelve()
    assert "has books already: nothing was imported" in import_file(path, "--if-empty").said
    assert Book.objects.count() == 6


@pytest.mark.django_db
def test_ctrl_c_leaves_whole_batches_and_says_how_to_resume(
    tmp_path: Path, monkeypatch: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(loading, "BATCH", 2)
    path, link = tmp_path / "five.csv", writing.link_authors
    path.write_text(FIVE)

    def interrupted(books: Mapping[int, Sequence[str]]) -> None:
        if ["Author 3"] in books.values():
            raise KeyboardInterrupt
        link(books)

    with monkeypatch.context() as patch:
        patch.setattr(writing, "link_authors", interrupted)
        with pytest.raises(SystemExit) as stopped:
            call_command("import_books", str(path))
    assert stopped.value.code == 130
    said = capsys.readouterr()
    assert "created              2" in said.out
    assert "run the same command again" in said.err
    assert list(Book.objects.order_by("pk").values_list("title", flat=True)) == ["Book 0", "Book 1"]
    assert import_file(path).happened == {"created": 3, "unchanged": 2}


@pytest.mark.django_db(transaction=True)
@pytest.mark.skipif(connection.vendor != "postgresql", reason="SQLite lets nobody write during a batch.")
def test_an_isbn_that_somebody_takes_meanwhile_does_not_stop_the_batch(tmp_path: Path, monkeypatch: Any) -> None:
    write, rivals = loading._Batch.write, iter([{"title": "Ema", "author_names": ["J. Austen"], "isbn": EMMA}])

    def rival(book: dict[str, Any]) -> None:
        try:
            writing.add(**book)
        finally:
            connections["default"].close()

    def beaten(batch: loading._Batch) -> None:
        for book in rivals:
            thread = threading.Thread(target=rival, args=(book,))
            thread.start()
            thread.join()
        write(batch)

    monkeypatch.setattr(loading._Batch, "write", beaten)
    imported = import_text(tmp_path, HEAD + f"{EMMA},Emma,Jane Austen,4\n,A,B,\n")
    assert imported.happened == {"created": 1, "updated": 1}
    assert Book.objects.get(isbn=EMMA).title == "Emma"


@pytest.mark.django_db
@pytest.mark.parametrize("error", [IntegrityError, OperationalError])
def test_a_batch_that_met_a_rival_is_planned_anew(tmp_path: Path, monkeypatch: Any, error: type[Exception]) -> None:
    write, plan, failures = loading._Batch.write, loading._Batch.plan, [error("first"), error("second")]

    def failing(batch: loading._Batch) -> None:
        if failures:
            raise failures.pop()
        write(batch)

    def planning(batch: loading._Batch, *, lock: bool) -> None:
        if not failures:
            writing.add(title="Ema", author_names=["J. Austen"], isbn=EMMA)
        plan(batch, lock=lock)

    monkeypatch.setattr(loading._Batch, "write", failing)
    monkeypatch.setattr(loading._Batch, "plan", planning)
    assert import_text(tmp_path, HEAD + f"{EMMA},Emma,Jane Austen,4\n").happened == {"updated": 1}


@pytest.mark.django_db
def test_a_database_that_fails_for_good_is_one_clear_line(tmp_path: Path, monkeypatch: Any) -> None:
    def failing(batch: loading._Batch) -> None:
        raise OperationalError("disk full\nand more")

    monkeypatch.setattr(loading._Batch, "write", failing)
    with pytest.raises(CommandError, match=r"^The database failed: disk full$"):
        import_text(tmp_path, FIVE)


class Endless(io.RawIOBase):
    """A file made while it is read: a header, and `count` rows."""

    def __init__(self, count: int) -> None:
        self._lines = iter([b"title,authors,isbn\n", *(b"Book %d,Author %d,\n" % (n, n % 7) for n in range(count))])

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        line = next(self._lines, b"")
        buffer[: len(line)] = line
        return len(line)


@pytest.mark.django_db
def test_memory_does_not_grow_with_the_file(monkeypatch: Any) -> None:
    monkeypatch.setattr(loading, "BATCH", 50)
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BufferedReader(Endless(500), 64)))
    add, alive = Report.add, []

    def counting(report: Report, rows: Iterable[Row]) -> None:
        gc.collect()
        alive.append(sum(type(thing) in (Row, Record, Book) for thing in gc.get_objects()))
        add(report, rows)

    monkeypatch.setattr(Report, "add", counting)
    assert import_file("-").happened == {"created": 500}
    assert len(alive) == 10
    # A batch of rows, their records and their books; of one batch, and what is left of the one before.
    assert max(alive) <= 50 * 3 * 2


def test_a_batch_is_cut_short_where_its_rows_name_very_many_authors() -> None:
    layout = Layout(["title", "authors"], OWN)
    names = "; ".join(f"Author {number}" for number in range(100))
    rows = (layout.read(Record(line, [f"Book {line}", names])) for line in range(250))
    assert [len(batch) for batch in loading.batches(rows)] == [100, 100, 50]


@pytest.mark.parametrize("cells", [["x" * 40], [""] * 41, ["x", ""] * 15])
def test_a_batch_is_cut_short_where_its_rows_are_very_long(monkeypatch: pytest.MonkeyPatch, cells: list[str]) -> None:
    monkeypatch.setattr(loading, "MAX_CHARACTERS_OF_BATCH", 100)
    rows = (Row(line, cells) for line in range(7))
    assert [len(batch) for batch in loading.batches(rows)] == [3, 3, 1]


def test_one_batch_is_read_while_the_one_before_is_written() -> None:
    reading = [threading.Event() for _ in range(3)]

    def read() -> Iterator[int]:
        for number, begun in enumerate(reading):
            begun.set()
            yield number

    in_order = []
    for number in loading.ahead(read()):
        in_order.append(number)
        assert number == 2 or reading[number + 1].wait(timeout=30), "nobody reads on meanwhile"
        assert not any(begun.is_set() for begun in reading[number + 2 :]), "more is read than can be written"
    assert in_order == [0, 1, 2]


def test_what_cannot_be_read_stops_whoever_writes() -> None:
    def read() -> Iterator[int]:
        yield 1
        raise UnicodeError

    # Threads of others may end meanwhile.
    threads, batches = set(threading.enumerate()), loading.ahead(read())
    assert next(batches) == 1
    with pytest.raises(UnicodeError):
        next(batches)
    assert set(threading.enumerate()) <= threads


def test_a_row_without_an_outcome_is_a_mistake_of_ours() -> None:
    with pytest.raises(ValueError, match="line 3"):
        Report().add([Row(3, [])])


@pytest.mark.django_db
@pytest.mark.parametrize(
    "content, options, sentence",
    [
        (b"", (), "is empty"),
        (b"\n\n \n", (), "is empty"),
        (b"name;author\nEmma;Jane Austen\n", (), "No column for title and authors"),
        (b"title,author\nEmma,Jane Austen\n", (), "No column for authors"),
        (b'"title,authors\nEmma,Jane Austen\n', (), "first row cannot be read"),
        ("title,authors\nEmma,Jane Austen\n".encode("utf-16"), (), "no text in this encoding"),
        (b"\x89PNG\r\n\x1a\n\0\0", (), "no text in this encoding"),
        (b"title,authors\n", ("--map", "title=Titel"), "no column 'Titel'"),
        (b"title,authors\n", ("--map", "title"), "write FIELD=..."),
        (b"title,authors\n", ("--map", "price=cost"), "FIELD is one of isbn, title"),
        (b"title,authors\n", ("--separator", "title=;"), "FIELD is one of authors, subjects"),
        (b"title,authors\n", ("--delimiter", ";;"), "one character"),
        (b"title,authors\n", ("--encoding", "klingon"), "unknown encoding: klingon"),
        (b"title,authors\n", ("--encoding", "base64"), "not a text encoding"),
        (b"title,authors\n", ("--rejects", "/nowhere/rejects.csv"), "No such file"),
    ],
)
def test_where_nothing_can_be_read_one_sentence_says_why(
    tmp_path: Path, content: bytes, options: tuple[str, ...], sentence: str
) -> None:
    path = tmp_path / "catalogue.csv"
    path.write_bytes(content)
    with pytest.raises(CommandError) as failed:
        call_command("import_books", str(path), *options)
    assert sentence in str(failed.value)
    assert "\n" not in str(failed.value)
    assert failed.value.returncode == 1


@pytest.mark.django_db
@pytest.mark.parametrize("name", ["missing.csv", ".", "bad\0name"])
def test_a_file_that_cannot_be_opened_is_one_clear_line(tmp_path: Path, name: str) -> None:
    with pytest.raises(CommandError):
        call_command("import_books", f"{tmp_path}/{name}")


@pytest.mark.django_db
def test_the_rejects_file_never_replaces_the_catalogue(tmp_path: Path) -> None:
    path = tmp_path / "five.csv"
    path.write_text(FIVE)
    with pytest.raises(CommandError, match="which would be lost"):
        import_file(path, rejects=path)
    assert path.read_text() == FIVE
