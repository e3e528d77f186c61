"""One SQL statement that adds a book with its authors, links and history entry on PostgreSQL.

The ORM takes eight round trips for that: begin, the book, known authors, new authors, links, history, commit. SQLite
always takes the steps: it has no INSERT inside WITH. A test compares the rows that both leave.
"""

from collections.abc import Sequence
from functools import cache
from typing import Any

from django.conf import settings
from django.db import DEFAULT_DB_ALIAS, connection, connections

from books.fast.prepared import prepared_cursor
from books.models import Author, Authorship, Book, BookChange
from books.search import normalise, sort_key

# Known authors are looked up one by one: for a join, PostgreSQL reads the whole table while it is small. The lock is
# that of a foreign key, which the link takes anyway: nobody renames the author until the end, and an author who is just
# being renamed is waited for, and then has another name.
# Whoever adds the same new author at the same moment waits for this statement and then finds its row: hence an update
# that changes nothing and returns the id. It is not of the name: an update of a key waits for every transaction that
# links a book with the author. The order is that of writing.py whatever the collation of the database, so that two
# transactions never wait for each other.
_STATEMENT = """
WITH named AS (
    SELECT given.*, (SELECT id FROM {author} AS known WHERE known.name = given.name FOR KEY SHARE)
    FROM unnest(%s::text[], %s::text[], %s::text[]) WITH ORDINALITY AS given (name, name_key, words, place)
), made AS (
    INSERT INTO {author} (name, name_key, words)
    SELECT name, name_key, words FROM named WHERE id IS NULL ORDER BY name COLLATE "C"
    ON CONFLICT (name) DO UPDATE SET name_key = EXCLUDED.name_key RETURNING id, name
), added AS (
    INSERT INTO {book} ({columns}) VALUES ({values}) RETURNING id, title, added_by_id, created_at
), linked AS (
    INSERT INTO {authorship} (book_id, author_id, position)
    SELECT added.id, COALESCE(named.id, made.id), named.place - 1 FROM added, named LEFT JOIN made USING (name)
)
INSERT INTO {change} (book_id, title, action, by, actor, news, at)
SELECT id, title, '{action}', COALESCE(added_by_id, ''), %s::text, '{{}}', created_at FROM added
RETURNING book_id
"""


def can_add_at_once() -> bool:
    """Whether fast paths are on and the database takes the statement."""
    return bool(settings.BOOKS_FAST_PATHS and connection.vendor == "postgresql")


def add_at_once(book: Book, actor: str = "") -> None:
    """Save a new book, its authors, links and history entry, and set its id. Raises IntegrityError."""
    names, database = book.author_names, connections[DEFAULT_DB_ALIAS]
    parameters = [names, [sort_key(name) for name in names], [normalise(name) for name in names]]
    parameters += [field.get_db_prep_save(field.pre_save(book, True), database) for field in _fields()]
    parameters.append(actor)
    with prepared_cursor(database) as cursor:
        cursor.execute(_statement(), parameters)
        (book.pk,) = cursor.fetchone()
    book._state.adding = False
    book._state.db = DEFAULT_DB_ALIAS


@cache
def _statement() -> str:
    columns = [field.column for field in _fields()]
    return _STATEMENT.format(
        book=Book._meta.db_table,
        author=Author._meta.db_table,
        authorship=Authorship._meta.db_table,
        change=BookChange._meta.db_table,
        action=BookChange.Action.ADDED.value,
        columns=", ".join(columns),
        values=", ".join(["%s"] * len(columns)),
    )


@cache
def _fields() -> Sequence[Any]:
    """The fields that a save writes."""
    return [field for field in Book._meta.concrete_fields if not (field.generated or field.primary_key)]
