#!/usr/bin/env bash
# On SQLite, adding a field in Django drops the table's triggers and lets AUTOINCREMENT give the id of a deleted row again.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check 'django==5.2.19'
"$folder/venv/bin/python" - <<'PYTHON'
import sqlite3

import django
from django.conf import settings

settings.configure(DATABASES={"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": ":memory:"}})
django.setup()

from django.db import connection, models


class Note(models.Model):
    text = models.TextField()

    class Meta:
        app_label = "notes"


def triggers():
    with connection.cursor() as cursor:
        cursor.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'")
        return [name for (name,) in cursor.fetchall()]


with connection.schema_editor() as editor:
    editor.create_model(Note)
    editor.execute("CREATE TABLE log (text)")
    editor.execute("CREATE TRIGGER note_log AFTER INSERT ON notes_note BEGIN INSERT INTO log VALUES (new.text); END")
Note.objects.create(text="kept")
deleted = Note.objects.create(text="deleted")
number = deleted.pk
deleted.delete()
before = triggers()
shelf = models.CharField(max_length=20, db_default="")
shelf.set_attributes_from_name("shelf")
shelf.model = Note
with connection.schema_editor() as editor:
    editor.add_field(Note, shelf)
after = triggers()
next_number = Note.objects.create(text="new").pk
print(f"Django {django.__version__}, SQLite {sqlite3.sqlite_version}: triggers before {before}, after {after};")
print(f"the id of the deleted row was {number}, that of the next one is {next_number}")
assert (before, after) == (["note_log"], [])
assert next_number == number
PYTHON
