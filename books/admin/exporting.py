"""The books of the current filter as a CSV file that `import_books` reads back."""

from typing import Any

from django.contrib.admin.options import IncorrectLookupParameters
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponseBase, HttpResponseRedirect, StreamingHttpResponse
from django.urls import path, reverse
from django.utils import timezone
from django.views.decorators.http import require_safe

from books.admin.base import OwnSearch
from books.catalogues import export

CHUNK = 2000  # rows in memory at a time


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
        rows = books.values(*export.COLUMNS).iterator(chunk_size=CHUNK)
        response = StreamingHttpResponse(export.lines(rows), content_type="text/csv; charset=utf-8")
        response["Content-Disposition"] = f'attachment; filename="books-{timezone.now():%Y-%m-%d}.csv"'
        response["Cache-Control"] = "no-store"
        return response
