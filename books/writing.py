"""All writes of books: add, change, discard, rename an author, and many at once.

Each write keeps what no column can: `author_names` equals the names of the linked authors in order, the history
(`BookChange`) is written in the same transaction, and the signals of `books.signals` follow after the commit. `by` is
the subject of who writes, empty for a command; `actor` is the subject of who acts for them (RFC 8693), usually empty.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from functools import partial
from typing import Any

from django.conf import settings
from django.db import IntegrityError, connection, models, transaction
from django.db.models import F, Q
from django.dispatch import Signal
from django.utils import timezone

from books.book_fields import TRACKED_FIELDS
from books.exceptions import IsbnTaken
from books.fast import bulk
from books.fast.adding import add_at_once, can_add_at_once
from books.models import ONE_ISBN, Author, Authorship, Book, BookChange
from books.search import line_of, sort_key
from books.signals import book_added, book_changed, book_deleted

Values = Mapping[str, Any]
Diff = Mapping[str, Sequence[Any]]
"""Old and new value by the name of the field."""

# What an update of many writes: the tracked fields, and the columns that follow from them.
_UPDATED = (*TRACKED_FIELDS, "updated_at", "version", "title_key", "words")


def snapshot(book: Book) -> dict[str, Any]:
    """The values of the tracked fields of `book`, by name."""
    return {name: getattr(book, name) for name in TRACKED_FIELDS}


def diff(before: Values, after: Values) -> dict[str, list[Any]]:
    """The tracked fields in which two snapshots differ: [old, new] by name. Empty texts and lists count as None."""
    pairs = {name: [_or_none(before.get(name)), _or_none(after.get(name))] for name in TRACKED_FIELDS}
    return {name: [old, new] for name, (old, new) in pairs.items() if old != new}


def _or_none(value: Any) -> Any:
    return None if value in ("", []) else value


def add(*, author_names: Sequence[str], actor: str = "", **values: Any) -> Book:
    """Add a book with the values of its columns; `added_by` is who adds it. Raises IsbnTaken."""
    book = Book(author_names=list(author_names), **values)
    by = book.added_by_id or ""
    if can_add_at_once():
        with _isbn_conflicts(transaction.atomic() if connection.in_atomic_block else nullcontext()):
            add_at_once(book, actor)
    else:
        with _isbn_conflicts(transaction.atomic()):
            book.save(force_insert=True)
            link_authors({book.pk: book.author_names})
            _record(BookChange.Action.ADDED, book, by, actor, {})
    _announce_added(book.pk, snapshot(book), by, actor)
    return book


def change(book: Book, *, by: str = "", actor: str = "", **values: Any) -> None:
    """Change a book, which was read under a lock, to the values given by column. Raises IsbnTaken."""
    before = snapshot(book)
    relink = values.get("author_names", book.author_names) != book.author_names
    for name, value in values.items():
        setattr(book, name, value)
    with _isbn_conflicts(transaction.atomic()):
        book.save()
        if relink:
            book.authorship_set.all().delete()
            link_authors({book.pk: book.author_names})
        _record_change(book, before, by, actor)


def discard(book: Book, *, by: str = "", actor: str = "") -> None:
    """Delete a book; the history keeps what it was."""
    lost, pk = diff(snapshot(book), {}), book.pk
    with transaction.atomic():
        _record(BookChange.Action.DELETED, book, by, actor, lost)
        book.delete()
        _announce(book_deleted, pk, lost, by, actor)


def rename(author: Author, name: str, *, by: str = "") -> None:
    """Give an author another name, in all their books too. Raises IntegrityError when another author has it."""
    with transaction.atomic():
        locked = author.books.select_for_update().order_by("pk").values_list("pk", flat=True)
        # Books first, in the lock order of every other writer, so that transactions never deadlock.
        books = list(locked)
        author.name = name
        author.save()
        # Transactions that had found the author by the old name have ended by now; no other finds it until this ends.
        books += locked.exclude(pk__in=books)
        for start in range(0, len(books), 500):
            _rename_in(books[start : start + 500], by)


def _rename_in(books: Sequence[int], by: str) -> None:
    names: dict[int, list[str]] = {}
    for book_id, name in Authorship.objects.filter(book__in=books).values_list("book", "author__name"):
        names.setdefault(book_id, []).append(name)
    for book in Book.objects.filter(pk__in=books):
        before = snapshot(book)
        book.author_names = names[book.pk]
        book.save()
        _record_change(book, before, by)


def save_columns(book: Book) -> Values | None:
    """First half of a save by a model form: write the columns of `book`. `save_links` must follow.

    Returns the snapshot of the row before; None for a new book.
    """
    before = None if book._state.adding else snapshot(Book.objects.select_for_update().get(pk=book.pk))
    book.save()
    return before


def save_links(book: Book, before: Values | None, *, by: str) -> None:
    """Second half of a save by a model form: take `author_names` from the links to authors, which the form has changed.

    `before` is what `save_columns` returned.
    """
    book.author_names = [link.author.name for link in book.authorship_set.select_related("author")]
    book.save()
    if before is None:
        _record(BookChange.Action.ADDED, book, by, "", {})
        _announce_added(book.pk, snapshot(book), by)
    else:
        _record_change(book, before, by)


def add_many(books: Sequence[Values], *, by: str = "") -> Sequence[int]:
    """Add very many books by the values of their columns; returns their ids in the same order.

    Each needs `title` and `author_names`; a column that it does not name gets its default, and `added_by` stays empty.
    The history names who imported them; there is none without `by`, for `created_at` says the rest. Needs a
    transaction. Raises IntegrityError.
    """
    if not books:
        return []
    ids = _insert(books) if settings.BOOKS_FAST_PATHS else [book.pk for book in _bulk_create(books)]
    known = dict(zip(ids, books, strict=True))
    link_authors({pk: book["author_names"] for pk, book in known.items()})
    if by:
        action = BookChange.Action.IMPORTED
        BookChange.objects.bulk_create(
            BookChange(book_id=pk, title=book["title"], action=action, by=by) for pk, book in known.items()
        )
    if book_added.has_listeners(Book):
        for pk, book in known.items():
            _announce_added(pk, book, by)
    return ids


def _bulk_create(books: Sequence[Values]) -> Sequence[Book]:
    return Book.objects.bulk_create([Book(**values) for values in books])


def _insert(books: Sequence[Values]) -> Sequence[int]:
    """Insert books without instances of the model: four times as fast."""
    written = [field for field in Book._meta.concrete_fields if not field.generated]
    absent = {field.attname: field.get_default() for field in written}
    absent |= dict.fromkeys(("created_at", "updated_at"), timezone.now())
    ids = bulk.new_ids(Book, len(books))
    # All in the order of `absent`.
    rows = ([*{**absent, **book, **_derived(book), "id": pk}.values()] for pk, book in zip(ids, books, strict=True))
    bulk.insert(Book, [*absent], rows)
    return ids


def _derived(book: Values) -> dict[str, str]:
    """The values that the fields of books/fields.py derive at a save, which a bulk insert passes by."""
    line = line_of(
        title=book["title"],
        subtitle=book.get("subtitle", ""),
        authors=book["author_names"],
        subjects=book.get("subjects", ()),
    )
    return {"title_key": sort_key(book["title"]), "words": line}


def merge_many(books: Sequence[tuple[Book, Values]], *, by: str = "") -> None:
    """Write books that an import has changed, each with its snapshot from before.

    They were read under a lock, without their derived columns. Needs a transaction. Raises IntegrityError.
    """
    if not books:
        return
    changes = [
        (book, {name: [old, getattr(book, name)] for name, old in before.items() if getattr(book, name) != old})
        for book, before in books
    ]
    for book, _ in changes:
        book.version += 1
    # An insert that meets its own id, for bulk_update() does not derive columns.
    changed = [book for book, _ in changes]
    Book.objects.bulk_create(changed, update_conflicts=True, unique_fields=["id"], update_fields=_UPDATED)
    relinked = {book.pk: book.author_names for book, news in changes if "author_names" in news}
    Authorship.objects.filter(book__in=relinked).delete()
    link_authors(relinked)
    BookChange.objects.bulk_create(
        BookChange(book_id=book.pk, title=book.title, action=BookChange.Action.MERGED, by=by, news=news)
        for book, news in changes
    )
    for book, news in changes:
        _announce(book_changed, book.pk, news, by)


def link_authors(books: Mapping[int, Sequence[str]]) -> None:
    """Link books that have no links yet with their authors: names by the id of the book. New authors are added."""
    if not books:
        return
    ids = _author_ids([name for names in books.values() for name in names])
    links = [(book, ids[name], place) for book, names in books.items() for place, name in enumerate(names)]
    if settings.BOOKS_FAST_PATHS:
        bulk.insert(Authorship, ("book_id", "author_id", "position"), links)
    else:
        Authorship.objects.bulk_create(
            Authorship(book_id=book, author_id=author, position=place) for book, author, place in links
        )


def _author_ids(names: Sequence[str]) -> dict[str, int]:
    """The ids of authors by name. Missing authors are added, also when two transactions add the same at once."""
    distinct = set(names)
    ids = _known_author_ids(distinct)
    # In one order everywhere, so that transactions never deadlock.
    missing = sorted(distinct - ids.keys())
    if missing:
        new = [Author(name=name) for name in missing]
        # An update that changes nothing, so that the database returns the id of a row that another transaction added.
        Author.objects.bulk_create(new, update_conflicts=True, unique_fields=["name"], update_fields=["name_key"])
        ids.update((author.name, author.pk) for author in new)
    return ids


def _known_author_ids(names: set[str]) -> dict[str, int]:
    """The ids of the authors that exist. In a transaction of PostgreSQL none of them is renamed until it ends.

    The lock is that of a foreign key (PostgreSQL 15, "13.3.2. Row-Level Locks"), which Django cannot ask for: it
    waits only for a transaction that renames the author, and then no author of this name is found.
    """
    found = Author.objects.filter(one_of("name", names)).order_by().values_list("name", "pk")
    if connection.vendor != "postgresql" or not connection.in_atomic_block:
        return dict(found)
    statement, parameters = found.query.sql_with_params()
    with connection.cursor() as cursor:
        cursor.execute(f"{statement} FOR KEY SHARE", parameters)
        return dict(cursor.fetchall())


def one_of(column: str, values: Iterable[int | str]) -> Q | bulk.IsOneOf:
    """The condition that a column has one of very many values."""
    return bulk.IsOneOf(column, values) if settings.BOOKS_FAST_PATHS else Q((f"{column}__in", values))


def clear_added_by(instance: models.Model, **signal: Any) -> None:
    """Before an account is deleted: its books stay, and their versions move on, so that clients see the change."""
    Book.objects.filter(added_by_id=instance.pk).update(
        added_by=None, version=F("version") + 1, updated_at=timezone.now()
    )


def _record_change(book: Book, before: Values, by: str, actor: str = "") -> None:
    """Record and announce what differs from `before`, if anything does."""
    if changed := diff(before, snapshot(book)):
        _record(BookChange.Action.CHANGED, book, by, actor, changed)
        _announce(book_changed, book.pk, changed, by, actor)


def _record(action: BookChange.Action, book: Book, by: str, actor: str, changed: Diff) -> None:
    BookChange.objects.create(book_id=book.pk, title=book.title, action=action, by=by, actor=actor, news=changed)


def _announce_added(book_id: int, values: Values, by: str, actor: str = "") -> None:
    if book_added.has_listeners(Book):
        _announce(book_added, book_id, diff({}, values), by, actor)


def _announce(signal: Signal, book_id: int, changed: Diff, by: str, actor: str = "") -> None:
    """Send a signal after the commit, if anybody listens."""
    if signal.has_listeners(Book):
        send = partial(signal.send_robust, sender=Book, book_id=book_id, by=by, actor=actor, diff=changed)
        transaction.on_commit(send)


@contextmanager
def _isbn_conflicts(transaction: AbstractContextManager[None]) -> Iterator[None]:
    """The transaction, in which a second book of the same ISBN raises IsbnTaken, also when two arrive at once."""
    try:
        with transaction:
            yield
    except IntegrityError as error:
        # PostgreSQL names the constraint, SQLite the column.
        if ONE_ISBN in str(error) or "books_book.isbn" in str(error):
            raise IsbnTaken from error
        raise
