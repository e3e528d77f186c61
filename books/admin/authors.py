"""Admin of authors."""

from typing import Any

from django.contrib import admin
from django.http import HttpRequest

from books import writing
from books.admin.base import OwnSearch, subject_of
from books.admin.concurrency import SEEN, ConcurrentAdmin, ConcurrentForm
from books.models import Author


class AuthorForm(ConcurrentForm):
    """Form of an author."""

    class Meta:
        model = Author
        fields = ("name",)


@admin.register(Author)
class AuthorAdmin(ConcurrentAdmin, OwnSearch):
    """Pages of authors."""

    form = AuthorForm
    fields = ("name", SEEN)
    list_display = ("name",)
    search_fields = ("words",)

    def save_model(self, request: HttpRequest, obj: Author, form: Any, change: bool) -> None:
        """Save; a new name is written into the books too."""
        if change and "name" in form.changed_data:
            writing.rename(obj, obj.name, by=subject_of(request))
        else:
            super().save_model(request, obj, form, change)
