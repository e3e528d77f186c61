"""How is one book added with all that belongs to it? In one statement, which PostgreSQL answers in one go.

Step by step it takes eight questions and answers: the transaction's beginning and end, the book, its authors (those
that are there, those that are not), their links and the note of who did it. SQLite takes the steps: it writes nothing
inside a WITH. A test holds that both leave the same rows.
"""

from collections.abc import Sequence
from functools import cache
from typing import TYPE_CHECKING, Any

from django.db import DEFAULT_DB_ALIAS, connection, connections

from books.fast.prepared import prepared_cursor
from books.models import BookChange
from books.search import normalise, sort_key

if TYPE_CHECKING:
    from books.models import Book

# Authors are looked for one by one: of a join, PostgreSQL would read the whole table while that is small.
# With the lock of a foreign key, which the link takes anyway: nobody renames the author until the end, and one who is
# just being renamed is waited for, and then has another name.
# Whoever adds the same new author at the same moment waits for this statement, and then finds what it made: hence an
# update that changes nothing, which tells the id. Not of the name: that is a key, and its update would wait for
# everybody who is linking a book with the author. And in one order everywhere, that of AuthorQuerySet.ids_of whatever
# the collation of the database: so nobody waits in a circle.
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
    """Whether the database takes the statement."""
    return bool(connection.vendor == "postgresql")


def add_at_once(book: "Book", actor: str = "") -> None:
    """Save a new book, its authors, links and the note of who added it, and for whom; `book` has its id then.

    Raises IntegrityError.
    """
    names, database = book.author_names, connections[DEFAULT_DB_ALIAS]
    parameters = [names, [sort_key(name) for name in names], [normalise(name) for name in names]]
    parameters += [field.get_db_prep_save(field.pre_save(book, True), database) for field in _fields(type(book))]
    parameters.append(actor)
    with prepared_cursor(database) as cursor:
        cursor.execute(_statement(type(book)), parameters)
        (book.pk,) = cursor.fetchone()
    book._state.adding = False
    book._state.db = DEFAULT_DB_ALIAS


@cache
def _statement(model: "type[Book]") -> str:
    columns = [field.column for field in _fields(model)]
    authors: Any = model._meta.get_field("authors")
    return _STATEMENT.format(
        book=model._meta.db_table,
        author=authors.related_model._meta.db_table,
        authorship=authors.remote_field.through._meta.db_table,
        change=BookChange._meta.db_table,
        action=BookChange.Action.ADDED.value,
        columns=", ".join(columns),
        values=", ".join(["%s"] * len(columns)),
    )


@cache
def _fields(model: "type[Book]") -> Sequence[Any]:
    """Those that a save would write."""
    return [field for field in model._meta.concrete_fields if not (field.generated or field.primary_key)]
