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
from books.catalogues import export

PORTION = 2000  # rows in memory at a time


class ExportPage(OwnSearch):
    """Adds `export/` to the paths of the list; it takes the list's own query string."""

    def get_urls(self) -> list[Any]:
        """Ours, then Django's."""
        view = self.admin_site.admin_view(require_safe(self.export_view))
        return [path("export/", view, name="books_book_export"), *super().get_urls()]

    def export_view(self, request: HttpRequest) -> HttpResponseBase:
        """The file, streamed: memory does not grow with it."""
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
    """The export's columns of each book, by primary key, PORTION at a time.

    No cursor stays open on the server between two portions: a pooler may give each another connection, and what one
    holds grows with the catalogue.
    """
    ordered = books.order_by("pk").values("pk", *export.COLUMNS)
    portion = list(ordered[:PORTION])
    while portion:
        yield from portion
        portion = list(ordered.filter(pk__gt=portion[-1]["pk"])[:PORTION])
