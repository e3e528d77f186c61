"""Admin of books: list, search, add, change, delete."""

from typing import TYPE_CHECKING, Any, ClassVar, cast

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest

from accounts.models import User
from books import writing
from books.admin.base import subject_of
from books.admin.bulk import BulkActions
from books.admin.concurrency import SEEN, ConcurrentAdmin, state_of
from books.admin.exporting import ExportPage
from books.admin.filters import Origin, Published, Rated
from books.admin.forms import FORM_FIELDS, BookForm, rebased
from books.admin.history import HistoryPage
from books.admin.importing import ImportPages
from books.book_fields import MAX_NAMES
from books.models import Authorship, Book

if TYPE_CHECKING:
    Inline = admin.TabularInline[Authorship, Book]
else:
    # Only the stubs of Django's class take type arguments.
    Inline = admin.TabularInline

_WORK = ("title", "subtitle", "isbn", "description", "subjects")


class AuthorshipInline(Inline):
    """Authors of a book, in the order of the title page."""

    model = Authorship
    autocomplete_fields = ("author",)
    extra = 0
    min_num = 1
    max_num = MAX_NAMES
    verbose_name = "author"
    verbose_name_plural = "authors"

    def get_formset(self, request: HttpRequest, obj: Any = None, **kwargs: Any) -> Any:
        """The formset, which requires an author."""
        return super().get_formset(request, obj, **kwargs, validate_min=True)


@admin.register(Book)
class BookAdmin(ConcurrentAdmin, BulkActions, ExportPage, ImportPages, HistoryPage):
    """Pages of books."""

    form = BookForm
    inlines = (AuthorshipInline,)
    list_display = ("title", "by", "published_year", "language", "rating", "isbn", "created_at")
    list_filter = ("language", Published, Rated, ("isbn", admin.EmptyFieldListFilter), Origin, "created_at")
    list_per_page = 50
    date_hierarchy = "created_at"
    search_fields = ("words",)
    actions = ("set_language", "add_subject", "remove_subject", "delete_selected")
    change_list_template = "admin/books/book/change_list.html"
    readonly_fields = ("added_by", "created_at", "updated_at", "version")
    fieldsets: ClassVar = [
        (None, {"fields": _WORK}),
        ("Edition", {"fields": [name for name in FORM_FIELDS if name not in _WORK]}),
        ("Origin", {"fields": ["added_by", "created_at", "updated_at", "version", SEEN, "seen_authors"]}),
    ]

    @admin.display(description="authors")
    def by(self, book: Book) -> str:
        """The names of the authors."""
        return ", ".join(book.author_names)

    def get_formset_kwargs(self, request: HttpRequest, obj: Any, inline: Any, prefix: str) -> dict[str, Any]:
        """Arguments of the formset of authors; rows of a page that is older than the book are rebased."""
        found: dict[str, Any] = super().get_formset_kwargs(request, obj, inline, prefix)
        if obj.pk is not None and request.POST.get(SEEN, state_of(obj)) != state_of(obj):
            found["data"] = rebased(found["data"], obj)
        return found

    def save_model(self, request: HttpRequest, obj: Book, form: Any, change: bool) -> None:
        """Save the columns; a new book is owned by the administrator."""
        if not change:
            obj.added_by = cast("User", request.user)
        form.before = writing.save_columns(obj)

    def save_related(self, request: HttpRequest, form: Any, formsets: Any, change: bool) -> None:
        """Save the links to authors, then the names and the history, which depend on them."""
        super().save_related(request, form, formsets, change)
        writing.save_links(form.instance, form.before, by=subject_of(request))

    def delete_model(self, request: HttpRequest, obj: Book) -> None:
        """Delete a book, with an entry in the history."""
        writing.discard(obj, by=subject_of(request))

    def delete_queryset(self, request: HttpRequest, queryset: "QuerySet[Any]") -> None:
        """Delete books one by one, with entries in the history."""
        for book in queryset:
            self.delete_model(request, book)
