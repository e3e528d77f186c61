"""The books of the current filter as a CSV file that `import_books` reads back."""

from collections.abc import Iterator
from typing import Any

from django.contrib.admin.options import IncorrectLookupParameters
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponseBase, HttpResponseRedirect, StreamingHttpResponse
from django.urls import path, reverse
from django.utils import timezone
from django.views.decorators.http import require_safe

from books.admin.base import OwnSearch
from books.book_fields import TRACKED_FIELDS
from books.catalogues import export

PORTION = 2000  # rows in memory at a time


class ExportPage(OwnSearch):
    """Adds `export/` to the URLs of the list; it takes the query string of the list."""

    def get_urls(self) -> list[Any]:
        """The URLs of this page before those of Django."""
        view = self.admin_site.admin_view(require_safe(self.export_view))
        return [path("export/", view, name="books_book_export"), *super().get_urls()]

    def export_view(self, request: HttpRequest) -> HttpResponseBase:
        """The file, streamed in constant memory."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        try:
            books = self.get_changelist_instance(request).get_queryset(request)
        except IncorrectLookupParameters:
            return HttpResponseRedirect(f"{reverse('admin:books_book_changelist')}?e=1")
        response = StreamingHttpResponse(export.lines(_rows(books)), content_type="text/csv; charset=utf-8")
        response["Content-Disposition"] = f'attachment; filename="books-{timezone.now():%Y-%m-%d}.csv"'
        response["Cache-Control"] = "no-store"
        return response


def _rows(books: "QuerySet[Any]") -> Iterator[dict[str, Any]]:
    """The tracked fields of each book, by primary key, PORTION at a time.

    Not by a server-side cursor: a pooler may use another connection for each portion, and such a cursor holds resources
    of the server that grow with the catalogue.
    """
    ordered = books.order_by("pk").values("pk", *TRACKED_FIELDS)
    portion = list(ordered[:PORTION])
    while portion:
        yield from portion
        portion = list(ordered.filter(pk__gt=portion[-1]["pk"])[:PORTION])
