"""What the pages of books and authors have in common."""

from typing import TYPE_CHECKING, Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest

from accounts.models import User
from books.search import normalise

if TYPE_CHECKING:
    ModelAdmin = admin.ModelAdmin[Any]
else:
    # Django's classes take type arguments in their stubs alone.
    ModelAdmin = admin.ModelAdmin


class OwnSearch(ModelAdmin):
    """Searches as the API does, through an index."""

    search_help_text = "Words that all occur, whatever their case and accents."
    show_full_result_count = False

    def get_search_results(
        self, request: HttpRequest, queryset: "QuerySet[Any]", search_term: str
    ) -> tuple["QuerySet[Any]", bool]:
        """The rows with every word of the term; all of them when it has none."""
        if not normalise(search_term):
            return queryset, False
        return queryset & self.model.objects.matching(search_term), False


def subject_of(request: HttpRequest) -> str:
    """Who asks. Only for pages that have made sure that somebody has signed in."""
    return request.user.sub if isinstance(request.user, User) else ""
