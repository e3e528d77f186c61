"""Matching of rows with books, and writing, in batches of one transaction each.

A row with an ISBN matches the book with that ISBN. Otherwise a row matches the book with the same title, authors and
year, ignoring case; a row with an ISBN never matches a book with another one.

Two rows of one file are the same book if they have the same ISBN, or the same title, authors and year and not both an
ISBN. The first one counts: a later one changes nothing, or is rejected if its ISBN is that of another title or of other
authors. So each book matches one row at most, and a second run changes nothing.

An update writes the values of the row that differ; a field that the row leaves empty is not changed.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import islice
from typing import Any, TypeVar

from django.db import IntegrityError, OperationalError, transaction

from books import writing
from books.catalogues.rows import Outcome, Row
from books.catalogues.seen import EarlierRow, SeenRows
from books.models import Book
from books.search import sort_key

T = TypeVar("T")

BATCH = 1000  # rows
MAX_NAMES_OF_BATCH = 10_000  # of authors
MAX_CHARACTERS_OF_BATCH = 8 << 20  # of cells: a row may have a million, and a batch is held in memory
ATTEMPTS = 5

REPEATED = "unchanged because an earlier row of the file is the same book"


def batches(rows: Iterable[Row]) -> Iterator[list[Row]]:
    """Batches of rows that fit a transaction and the parameters of a statement."""
    batch: list[Row] = []
    names = characters = 0
    for row in rows:
        batch.append(row)
        names += len(row.values.get("author_names", ()))
        characters += sum(map(len, row.cells)) + len(row.cells)
        if len(batch) >= BATCH or names >= MAX_NAMES_OF_BATCH or characters >= MAX_CHARACTERS_OF_BATCH:
            yield batch
            batch, names, characters = [], 0, 0
    if batch:
        yield batch


def ahead(items: Iterable[T]) -> Iterator[T]:
    """The same items, each produced by a thread while the previous one is used, so that reading overlaps writing."""
    source = iter(items)
    with ThreadPoolExecutor(1) as thread:
        following = thread.submit(lambda: [*islice(source, 1)])
        while found := following.result():
            following = thread.submit(lambda: [*islice(source, 1)])
            yield from found


class Loader:
    """Writes batches of rows to the catalogue; with `dry_run` it only determines their outcomes.

    `by` is the subject of who imports, empty for a command.
    """

    def __init__(self, seen: SeenRows, *, dry_run: bool = False, by: str = "") -> None:
        self._by = by
        self._seen = seen
        self._dry_run = dry_run

    def load(self, rows: Sequence[Row]) -> None:
        """Set the outcome of each row that has none. Raises DatabaseError; then nothing of the batch is written."""
        ready = [row for row in rows if row.outcome is None]
        for attempt in range(1, ATTEMPTS + 1):
            batch = _Batch(ready, self._seen, self._by)
            try:
                if self._dry_run:
                    batch.plan(lock=False)
                else:
                    with transaction.atomic():
                        batch.plan(lock=True)
                        batch.write()
                break
            # Another transaction wrote the same ISBN, or there was a deadlock: the next attempt sees its rows.
            except (IntegrityError, OperationalError):
                if attempt == ATTEMPTS:
                    raise
        self._seen.add(batch.fresh)
        batch.settle()


class _Batch:
    """One attempt at one batch."""

    def __init__(self, rows: Sequence[Row], seen: SeenRows, by: str) -> None:
        self.fresh: dict[str, EarlierRow] = {}
        self._by = by
        self._rows = rows
        self._seen = seen
        self._by_isbn: dict[str, Book] = {}
        self._by_text: dict[str, list[Book]] = {}
        self._new: list[Row] = []
        self._changed: list[tuple[Book, Mapping[str, Any]]] = []  # each with its snapshot from before
        self._outcomes: list[tuple[Row, Outcome, str]] = []

    def plan(self, *, lock: bool) -> None:
        """Determine the outcome of each row, in order, as if each were written before the next one."""
        self._look_up(lock=lock)
        for row in self._rows:
            self._place(row)

    def write(self) -> None:
        """Write the plan in a few statements."""
        writing.merge_many(self._changed, by=self._by)
        writing.add_many([row.values for row in self._new], by=self._by)

    def settle(self) -> None:
        """Set the outcomes of the rows."""
        for row, outcome, remark in self._outcomes:
            row.outcome = outcome
            if outcome is Outcome.REJECTED:
                row.reason = remark
            elif remark:
                row.notes.append(remark)

    def _look_up(self, *, lock: bool) -> None:
        """Read every book that a row could match."""
        isbns = {row.values["isbn"] for row in self._rows if "isbn" in row.values}
        known = dict(Book.objects.filter(writing.one_of("isbn", isbns)).values_list("isbn", "pk"))
        wanted = {_text_of(row.values): row for row in self._rows if row.values.get("isbn") not in known}
        keys = {sort_key(row.values["title"]) for row in wanted.values()}
        columns = ("pk", "title", "author_names", "published_year")
        # Many books may have one title: they are read one by one, and only the wanted ones are kept.
        likely = [
            book["pk"]
            for book in Book.objects.filter(writing.one_of("title_key", keys)).values(*columns).iterator()
            if _text_of(book) in wanted
        ]
        # In one order, so that two imports never deadlock.
        found = writing.one_of("pk", {*known.values(), *likely})
        books = Book.objects.filter(found).order_by("pk").defer("title_key", "words")
        for book in books.select_for_update() if lock else books:
            if book.isbn:
                self._by_isbn[book.isbn] = book
            self._by_text.setdefault(_text_of(vars(book)), []).append(book)

    def _place(self, row: Row) -> None:
        isbn, own, identity = row.values.get("isbn"), _text_of(row.values), _identity(row.values)
        text = own
        book = self._by_isbn.get(isbn) if isbn else None
        earlier = self._earlier(f"isbn {isbn}") or self._earlier(f"bare {text}") if isbn else self._earlier(text)
        if book and not earlier:
            earlier = self._earlier(f"book {book.pk}")
        if earlier and isbn and earlier.identity != identity:
            reason = f"isbn: {isbn} is that of another book in line {earlier.line}."
            self._outcomes.append((row, Outcome.REJECTED, reason))
            return
        if not earlier:
            book = book or self._free_by_text(row, own)
            # Its key once the row is merged into it; an earlier row without ISBN may have that key too.
            text = _text_of({"published_year": book.published_year, **row.values}) if book else text
            earlier = self._earlier(f"bare {text}") if isbn else None
        if earlier:
            self._outcomes.append((row, Outcome.UNCHANGED, REPEATED))
            return
        this = EarlierRow(row.line, identity)
        self.fresh |= dict.fromkeys((text, own, f"isbn {isbn}" if isbn else f"bare {text}"), this)
        if book:
            self.fresh[f"book {book.pk}"] = this
            self._update(row, book)
        else:
            self._new.append(row)
            self._outcomes.append((row, Outcome.CREATED, ""))

    def _update(self, row: Row, book: Book) -> None:
        changed = {name: value for name, value in row.values.items() if getattr(book, name) != value}
        if not changed:
            self._outcomes.append((row, Outcome.UNCHANGED, ""))
            return
        self._changed.append((book, writing.snapshot(book)))
        for name, value in changed.items():
            setattr(book, name, value)
        self._outcomes.append((row, Outcome.UPDATED, ""))

    def _free_by_text(self, row: Row, text: str) -> Book | None:
        """The book with this title, authors and year that no other row matches; preferably one without ISBN."""
        fitting = [
            book
            for book in self._by_text.get(text, [])
            if not (book.isbn and "isbn" in row.values) and not self._earlier(f"book {book.pk}")
        ]
        return min(fitting, key=lambda book: bool(book.isbn), default=None)

    def _earlier(self, key: str) -> EarlierRow | None:
        return self.fresh.get(key) or self._seen.get(key)


def _identity(values: Mapping[str, Any]) -> str:
    """Title and authors, case-folded."""
    return "\n".join([values["title"], *values["author_names"]]).casefold()


def _text_of(values: Mapping[str, Any]) -> str:
    """Title, authors and year: the key of books without an ISBN."""
    return f"text {_identity(values)}\n{values.get('published_year')}"
