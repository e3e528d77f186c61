"""Database objects of full-text search, which no model declares: created by a migration, restored and checked here.

PostgreSQL has a generated tsvector column with a GIN index. SQLite has an FTS5 table, which three triggers keep equal
to the table of the model. On SQLite, Django changes most columns by making the table anew, which silently drops its
triggers: rows written afterwards would never be found. So the objects are created again after every migration that
dropped them, and `check` and `/readyz` report missing ones.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from django.core import checks
from django.db import DEFAULT_DB_ALIAS, connections
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.migrations.recorder import MigrationRecorder

TABLES = ("books_author", "books_book")
MADE_BY = ("books", "0002_full_text")

# A vector of the words as they are. to_tsvector() would parse them again by other rules: "1e5x" is two words for it.
_POSTGRESQL_ADD = (
    """
    ALTER TABLE {table} ADD COLUMN search tsvector GENERATED ALWAYS AS (
        array_to_tsvector(array_remove(string_to_array(translate(words, '|;', '  '), ' '), ''))
    ) STORED
    """,
    "CREATE INDEX {table}_search ON {table} USING gin (search)",
)
_POSTGRESQL_REMOVE = ("ALTER TABLE {table} DROP COLUMN search",)

# The ascii tokenizer takes every character beyond ASCII for part of a word; unicode61 has other rules.
# The FTS5 table holds an index and no text: its content is the table itself (https://sqlite.org/fts5.html, 4.4.3).
# Where all of it exists, only the index is rebuilt from the table.
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
    """Create the objects that index the words of `table`."""
    for statement in _ADD[schema_editor.connection.vendor]:
        schema_editor.execute(statement.format(table=table))


def remove_full_text(schema_editor: Any, table: str) -> None:
    """Drop the objects that index the words of `table`."""
    for statement in _REMOVE[schema_editor.connection.vendor]:
        schema_editor.execute(statement.format(table=table))


def incomplete(connection: BaseDatabaseWrapper) -> list[str]:
    """The tables that lack some of their objects; none before the migration that creates them has run."""
    if MADE_BY not in MigrationRecorder(connection).applied_migrations():
        return []
    expected = {table: _names(connection.vendor, table) for table in TABLES}
    with connection.cursor() as cursor:
        if connection.vendor == "sqlite":
            cursor.execute("SELECT name FROM sqlite_master")
        else:
            # Dropping the column drops its index.
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
    """After migrations: create the objects that a change of a table has dropped, which happens on SQLite only."""
    connection = connections[using]
    if connection.vendor != "sqlite":
        return
    lost = incomplete(connection)
    with connection.schema_editor() as editor:
        for table in lost:
            add_full_text(editor, table)


@checks.register(checks.Tags.database)
def check_full_text(app_configs: Any, databases: Sequence[str] | None = None, **_: Any) -> list[checks.CheckMessage]:
    """Check that no object is missing. A warning, because `migrate`, which restores them, runs checks first."""
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
