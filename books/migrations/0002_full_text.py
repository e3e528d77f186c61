"""What lets books and authors be found by their words: books/search.py asks, this answers.

No model knows of these columns and tables. On SQLite Django changes a table by making it anew, which loses its
triggers: a later migration that alters one of these tables has to end with `add_full_text` for it.
"""

from django.db import migrations

TABLES = ("books_author", "books_book")

# A vector of the words as they are. to_tsvector() would read them again with a parser that has its own ideas about
# what a word is; "1e5x" is two for it.
POSTGRESQL_ADD = (
    """
    ALTER TABLE {table} ADD COLUMN search tsvector GENERATED ALWAYS AS (
        array_to_tsvector(array_remove(string_to_array(translate(words, '|;', '  '), ' '), ''))
    ) STORED
    """,
    "CREATE INDEX {table}_search ON {table} USING gin (search)",
)
POSTGRESQL_REMOVE = ("ALTER TABLE {table} DROP COLUMN search",)

# The ascii tokenizer takes every character beyond ASCII for part of a word; unicode61 would have its own ideas.
# The FTS5 table holds an index and no text: its content is the table itself (https://sqlite.org/fts5.html, 4.4.3).
SQLITE_ADD = (
    """
    CREATE VIRTUAL TABLE IF NOT EXISTS {table}_words USING fts5 (
        words, content='{table}', content_rowid='id', tokenize='ascii', detail='none', columnsize=0
    )
    """,
    "INSERT INTO {table}_words ({table}_words) VALUES ('rebuild')",
    """
    CREATE TRIGGER {table}_words_insert AFTER INSERT ON {table} BEGIN
        INSERT INTO {table}_words (rowid, words) VALUES (new.id, new.words);
    END
    """,
    """
    CREATE TRIGGER {table}_words_delete AFTER DELETE ON {table} BEGIN
        INSERT INTO {table}_words ({table}_words, rowid, words) VALUES ('delete', old.id, old.words);
    END
    """,
    """
    CREATE TRIGGER {table}_words_update AFTER UPDATE OF id, words ON {table} BEGIN
        INSERT INTO {table}_words ({table}_words, rowid, words) VALUES ('delete', old.id, old.words);
        INSERT INTO {table}_words (rowid, words) VALUES (new.id, new.words);
    END
    """,
)
SQLITE_REMOVE = (
    "DROP TRIGGER {table}_words_update",
    "DROP TRIGGER {table}_words_delete",
    "DROP TRIGGER {table}_words_insert",
    "DROP TABLE {table}_words",
)


def add_full_text(schema_editor, table):
    """Make `table` answer to words."""
    _run(schema_editor, table, {"postgresql": POSTGRESQL_ADD, "sqlite": SQLITE_ADD})


def remove_full_text(schema_editor, table):
    """Take it back."""
    _run(schema_editor, table, {"postgresql": POSTGRESQL_REMOVE, "sqlite": SQLITE_REMOVE})


def _run(schema_editor, table, statements):
    for statement in statements[schema_editor.connection.vendor]:
        schema_editor.execute(statement.format(table=table))


def forwards(apps, schema_editor):
    for table in TABLES:
        add_full_text(schema_editor, table)


def backwards(apps, schema_editor):
    for table in TABLES:
        remove_full_text(schema_editor, table)


class Migration(migrations.Migration):

    dependencies = [("books", "0001_catalogue")]

    operations = [migrations.RunPython(forwards, backwards)]
