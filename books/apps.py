"""Configuration of the books app: signals of Django that it listens to."""

from typing import Any

from django.apps import AppConfig
from django.conf import settings
from django.db import connections
from django.db.models.signals import post_migrate, pre_delete


class BooksConfig(AppConfig):
    """The books app."""

    name = "books"
    verbose_name = "Books"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        """Connect signals; importing `full_text` registers its check."""
        from books.full_text import restore
        from books.writing import clear_added_by

        pre_delete.connect(clear_added_by, sender=settings.AUTH_USER_MODEL, dispatch_uid="books.clear_added_by")
        post_migrate.connect(restore, sender=self, dispatch_uid="books.restore")
        post_migrate.connect(keep_used_ids, sender=self, dispatch_uid="books.keep_used_ids")


def keep_used_ids(sender: Any, using: str, **signal: Any) -> None:
    """After migrations: keep the id of a deleted book, which the history holds, from being given to a new one.

    SQLite stores the highest id that a table ever had (AUTOINCREMENT). Where a migration makes the table anew, it
    stores that of the remaining rows; the entity tag of a deleted book could then be that of a new one.
    """
    database = connections[using]
    if database.vendor != "sqlite" or "books_bookchange" not in database.introspection.table_names():
        return
    with database.cursor() as cursor:
        cursor.execute("SELECT coalesce(max(book_id), 0) FROM books_bookchange")
        (used,) = cursor.fetchone()
        cursor.execute("SELECT coalesce(max(seq), 0) FROM sqlite_sequence WHERE name = 'books_book'")
        if used > cursor.fetchone()[0]:
            cursor.execute("DELETE FROM sqlite_sequence WHERE name = 'books_book'")
            cursor.execute("INSERT INTO sqlite_sequence (name, seq) VALUES ('books_book', %s)", [used])
