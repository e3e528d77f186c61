"""Books are found by whole subjects through the index of their words: each subject gets a mark of its own there."""

from django.db import migrations, transaction

from books.search import line_of

PORTION = 1000


def forwards(apps, schema_editor):
    database = schema_editor.connection.alias
    books = apps.get_model("books", "Book").objects.using(database).exclude(subjects=[])
    last = 0
    while True:
        # Portion by portion: nobody waits for more than one, and nobody edits a book between its reading and writing.
        with transaction.atomic(using=database):
            portion = list(books.filter(pk__gt=last).order_by("pk").select_for_update()[:PORTION])
            for book in portion:
                book.words = line_of(
                    title=book.title, subtitle=book.subtitle, authors=book.author_names, subjects=book.subjects
                )
            books.bulk_update(portion, ["words"])
        if not portion:
            return
        last = portion[-1].pk


class Migration(migrations.Migration):

    atomic = False

    dependencies = [("books", "0003_history_of_books")]

    operations = [migrations.RunPython(forwards, migrations.RunPython.noop)]
