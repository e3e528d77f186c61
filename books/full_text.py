"""The database objects of full-text search, which no model declares: made by a migration, restored and checked here.

PostgreSQL has a generated tsvector column and a GIN index on it. SQLite has an FTS5 table and three triggers that keep
it equal to the table of the model. There Django changes most columns by making the table anew under another name, which
loses its triggers without a word: what is written afterwards would never be found. So they are created again after
every migration that lost them, and `check` and `/readyz` report where they are missing.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from django.core import checks
from django.db import DEFAULT_DB_ALIAS, connections
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.migrations.recorder import MigrationRecorder

TABLES = ("books_author", "books_book")
MADE_BY = ("books", "0002_full_text")

# A vector of the words as they are. to_tsvector() would read them again with a parser that has its own ideas about
# what a word is; "1e5x" is two for it.
_POSTGRESQL_ADD = (
    """
    ALTER TABLE {table} ADD COLUMN search tsvector GENERATED ALWAYS AS (
        array_to_tsvector(array_remove(string_to_array(translate(words, '|;', '  '), ' '), ''))
    ) STORED
    """,
    "CREATE INDEX {table}_search ON {table} USING gin (search)",
)
_POSTGRESQL_REMOVE = ("ALTER TABLE {table} DROP COLUMN search",)

# The ascii tokenizer takes every character beyond ASCII for part of a word; unicode61 would have its own ideas.
# The FTS5 table holds an index and no text: its content is the table itself (https://sqlite.org/fts5.html, 4.4.3).
# All of it may be there already: then nothing but the index is made anew, from what the table holds now.
_SQLITE_ADD = (
    """
    CREATE VIRTUAL TABLE IF NOT EXISTS {table}_words USING fts5 (
        words, content='{table}', content_rowid='id', tokenize='ascii', detail='none', columnsize=0
    )
    """,
    "INSERT INTO {table}_words ({table}_words) VALUES ('rebuild')",
    """
    CREATE TRIGGER IF NOT EXISTS {table}_words_insert AFTER INSERT ON {table} BEGIN
        INSERT INTO {table}_words (rowid, words) VALUES (new.id, new.words);
    END
    """,
    """
    CREATE TRIGGER IF NOT EXISTS {table}_words_delete AFTER DELETE ON {table} BEGIN
        INSERT INTO {table}_words ({table}_words, rowid, words) VALUES ('delete', old.id, old.words);
    END
    """,
    """
    CREATE TRIGGER IF NOT EXISTS {table}_words_update AFTER UPDATE OF id, words ON {table} BEGIN
        INSERT INTO {table}_words ({table}_words, rowid, words) VALUES ('delete', old.id, old.words);
        INSERT INTO {table}_words (rowid, words) VALUES (new.id, new.words);
    END
    """,
)
_SQLITE_REMOVE = (
    "DROP TRIGGER IF EXISTS {table}_words_update",
    "DROP TRIGGER IF EXISTS {table}_words_delete",
    "DROP TRIGGER IF EXISTS {table}_words_insert",
    "DROP TABLE {table}_words",
)
_ADD: Mapping[str, Sequence[str]] = {"postgresql": _POSTGRESQL_ADD, "sqlite": _SQLITE_ADD}
_REMOVE: Mapping[str, Sequence[str]] = {"postgresql": _POSTGRESQL_REMOVE, "sqlite": _SQLITE_REMOVE}


def add_full_text(schema_editor: Any, table: str) -> None:
    """Index the words of `table`."""
    for statement in _ADD[schema_editor.connection.vendor]:
        schema_editor.execute(statement.format(table=table))


def remove_full_text(schema_editor: Any, table: str) -> None:
    """Take the index away."""
    for statement in _REMOVE[schema_editor.connection.vendor]:
        schema_editor.execute(statement.format(table=table))


def incomplete(connection: BaseDatabaseWrapper) -> list[str]:
    """The tables, of those that ought to be indexed by now, that lack some of what indexes them."""
    if MADE_BY not in MigrationRecorder(connection).applied_migrations():
        return []
    expected = {table: _names(connection.vendor, table) for table in TABLES}
    with connection.cursor() as cursor:
        if connection.vendor == "sqlite":
            cursor.execute("SELECT name FROM sqlite_master")
        else:
            # The index goes with its column.
            cursor.execute(
                "SELECT relname FROM pg_index JOIN pg_class ON oid = indexrelid"
                " WHERE indisvalid AND pg_table_is_visible(oid)"
            )
        there = {name for (name,) in cursor.fetchall()}
    return [table for table, names in expected.items() if not names <= there]


def _names(vendor: str, table: str) -> set[str]:
    ends = ("words", "words_insert", "words_delete", "words_update") if vendor == "sqlite" else ("search",)
    return {f"{table}_{end}" for end in ends}


def restore(sender: Any, using: str, **signal: Any) -> None:
    """After migrations: make what a change of a table has lost. PostgreSQL loses nothing that way."""
    connection = connections[using]
    if connection.vendor != "sqlite":
        return
    lost = incomplete(connection)
    with connection.schema_editor() as editor:
        for table in lost:
            add_full_text(editor, table)


@checks.register(checks.Tags.database)
def check_full_text(app_configs: Any, databases: Sequence[str] | None = None, **_: Any) -> list[checks.CheckMessage]:
    """Whether all that books and authors are found by is there. A warning: `migrate`, which restores it, checks too."""
    if DEFAULT_DB_ALIAS not in (databases or ()):
        return []
    return [
        checks.Warning(
            f"The full-text index of {table} is incomplete: what is written now will not be found.",
            hint="manage.py migrate makes it anew on SQLite.",
            id="books.W001",
        )
        for table in incomplete(connections[DEFAULT_DB_ALIAS])
    ]
