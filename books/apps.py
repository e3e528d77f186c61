"""The books app: what is asked for."""

from django.apps import AppConfig
from django.conf import settings
from django.db.models.signals import pre_delete


class BooksConfig(AppConfig):
    """Sees to it that a deleted account leaves its books behind."""

    name = "books"
    verbose_name = "Books"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        """Connect what happens to books when somebody's account goes."""
        from books.models import disown

        pre_delete.connect(disown, sender=settings.AUTH_USER_MODEL, dispatch_uid="books.disown")
