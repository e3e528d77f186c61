"""Base classes of the admin pages of books and authors."""

from typing import TYPE_CHECKING, Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest

from accounts.models import User
from books.search import normalise

if TYPE_CHECKING:
    ModelAdmin = admin.ModelAdmin[Any]
else:
    # Only the stubs of Django's classes take type arguments.
    ModelAdmin = admin.ModelAdmin


class OwnSearch(ModelAdmin):
    """Admin class that searches by the same index as the API."""

    search_help_text = "Words that all occur, without case and accents."
    show_full_result_count = False

    def get_search_results(
        self, request: HttpRequest, queryset: "QuerySet[Any]", search_term: str
    ) -> tuple["QuerySet[Any]", bool]:
        """The rows with every word of the term; all rows when it has no words."""
        if not normalise(search_term):
            return queryset, False
        return queryset & self.model.objects.matching(search_term), False


def subject_of(request: HttpRequest) -> str:
    """The subject of the signed-in user."""
    return request.user.sub if isinstance(request.user, User) else ""
