"""`manage.py clearsessions`: deletes expired sessions, as in Django, and expired uploads."""

from typing import Any

from django.contrib.sessions.management.commands import clearsessions

from books.uploads import Upload


class Command(clearsessions.Command):
    """The nightly clean-up."""

    help = "Delete expired sessions, and uploads that were not confirmed within an hour."

    def handle(self, **options: Any) -> None:
        """Delete expired sessions and uploads."""
        super().handle(**options)
        Upload.objects.expired().delete()
