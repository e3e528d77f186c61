"""History of books in the admin: the History page of a book, and the list of all changes."""

from typing import Any, cast

from django.contrib import admin
from django.core.paginator import Paginator
from django.db.models import Field, QuerySet
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils.html import format_html, format_html_join
from django.utils.text import Truncator

from accounts.user_rows import email_of
from books.admin.base import ModelAdmin, OwnSearch
from books.admin.concurrency import MAX_SHOWN, shown
from books.models import Book, BookChange

PAGE = 25


def _shown(value: Any) -> str:
    return Truncator(shown(value)).chars(MAX_SHOWN)


def _label(name: str) -> str:
    return (
        "authors" if name == "author_names" else str(cast("Field[Any, Any]", Book._meta.get_field(name)).verbose_name)
    )


def who(change: Any) -> str:
    """Who made a change: e-mail address (annotated as `email`) or subject, and the actor if there is one."""
    name = change.email or change.by or "a command"
    return f"{name}, by {change.actor}" if change.actor else name


def _rows(change: BookChange) -> list[tuple[str, str, str]]:
    return [(_label(name), _shown(old), _shown(new)) for name, (old, new) in change.news.items()]


class HistoryPage(OwnSearch):
    """Replaces Django's History page, which holds changes by the admin only."""

    object_history_template = "admin/books/book/object_history.html"

    def history_view(
        self, request: HttpRequest, object_id: str, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """The changes of one book, the newest first. Django checks the permission."""
        number = object_id if object_id.isdecimal() and len(object_id) < 19 else 0
        changes = BookChange.objects.of(number).annotate(email=email_of("by"))
        page = Paginator(changes, PAGE).get_page(request.GET.get("page"))
        entries = [(change.at, who(change), change.get_action_display(), _rows(change)) for change in page]
        return super().history_view(request, object_id, {**(extra_context or {}), "changes": entries, "page": page})


@admin.register(BookChange)
class BookChangeAdmin(ModelAdmin):
    """Read-only pages of all changes, also of deleted books."""

    list_display = ("at", "of_book", "action", "who", "what")
    list_display_links = ("at",)
    list_filter = ("action",)
    date_hierarchy = "at"
    search_fields = ("title", "by", "email")
    search_help_text = "Parts of a title, an e-mail address or a subject."
    show_full_result_count = False
    list_per_page = 50
    fields = ("at", "of_book", "action", "who", "details")
    readonly_fields = fields

    def get_queryset(self, request: HttpRequest) -> "QuerySet[Any]":
        """Changes with the e-mail address of who made them, where it is known."""
        return BookChange.objects.order_by("-at", "-id").annotate(email=email_of("by"))

    @admin.display(description="book", ordering="title")
    def of_book(self, change: BookChange) -> str:
        """The title, as a link to the history of the book."""
        if change.action == BookChange.Action.DELETED:
            return change.title
        return format_html(
            '<a href="{}">{}</a>', reverse("admin:books_book_history", args=[change.book_id]), change.title
        )

    @admin.display(ordering="by")
    def who(self, change: BookChange) -> str:
        """Who made the change."""
        return who(change)

    @admin.display(description="fields")
    def what(self, change: BookChange) -> str:
        """The names of the changed fields."""
        return "" if change.action == BookChange.Action.DELETED else ", ".join(map(_label, change.news))

    @admin.display(description="from what to what")
    def details(self, change: BookChange) -> str:
        """Every field with its old and new value."""
        rows = format_html_join("", "<dt>{}</dt><dd><del>{}</del> <ins>{}</ins></dd>", _rows(change))
        return format_html('<dl class="news">{}</dl>', rows) if change.news else "nothing"

    def has_add_permission(self, request: HttpRequest) -> bool:
        """Never: books.writing writes the history."""
        return False

    def has_change_permission(self, request: HttpRequest, obj: BookChange | None = None) -> bool:
        """Never."""
        return False

    def has_delete_permission(self, request: HttpRequest, obj: BookChange | None = None) -> bool:
        """Never."""
        return False
