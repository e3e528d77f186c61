"""Books and authors are found by their words: books/search.py asks, the objects that books/full_text.py makes answer.

A later migration may change these tables like any other: what that loses on SQLite is restored after it.
"""

from django.db import migrations

from books.full_text import TABLES, add_full_text, remove_full_text


def forwards(apps, schema_editor):
    for table in TABLES:
        add_full_text(schema_editor, table)


def backwards(apps, schema_editor):
    for table in TABLES:
        remove_full_text(schema_editor, table)


class Migration(migrations.Migration):

    dependencies = [("books", "0001_catalogue")]

    operations = [migrations.RunPython(forwards, backwards)]
