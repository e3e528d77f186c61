"""`manage.py clearsessions`: Django's own, which deletes expired sessions, and also uploads that nobody confirmed."""

from typing import Any

from django.contrib.sessions.management.commands import clearsessions

from books.uploads import Upload


class Command(clearsessions.Command):
    """What a nightly run cleans up."""

    help = "Delete expired sessions, and uploads that were not confirmed within an hour."

    def handle(self, **options: Any) -> None:
        """Delete them."""
        super().handle(**options)
        Upload.objects.expired().delete()
