"""The books app: the catalogue."""

from django.apps import AppConfig
from django.conf import settings
from django.db.models.signals import post_migrate, pre_delete


class BooksConfig(AppConfig):
    """Connects what happens to books when an account is deleted, and to their full-text index after migrations."""

    name = "books"
    verbose_name = "Books"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        """Connect the signals, and import what registers checks."""
        from books.fast.bulk import keep_used_ids
        from books.full_text import restore
        from books.writing import clear_added_by

        pre_delete.connect(clear_added_by, sender=settings.AUTH_USER_MODEL, dispatch_uid="books.clear_added_by")
        post_migrate.connect(restore, sender=self, dispatch_uid="books.restore")
        post_migrate.connect(keep_used_ids, sender=self, dispatch_uid="books.keep_used_ids")
