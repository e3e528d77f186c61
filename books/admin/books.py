"""Books in the admin: found, added, changed, deleted, one by one."""

from typing import TYPE_CHECKING, Any, ClassVar, cast

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest

from accounts.models import User
from books import writing
from books.admin.base import subject_of
from books.admin.bulk import BulkActs
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
    # Django's class takes type arguments in its stubs alone.
    Inline = admin.TabularInline

_WORK = ("title", "subtitle", "isbn", "description", "subjects")


class AuthorshipInline(Inline):
    """Who wrote the book, in the order of the title page."""

    model = Authorship
    autocomplete_fields = ("author",)
    extra = 0
    min_num = 1
    max_num = MAX_NAMES
    verbose_name = "author"
    verbose_name_plural = "authors"

    def get_formset(self, request: HttpRequest, obj: Any = None, **kwargs: Any) -> Any:
        """A book has at least one author."""
        return super().get_formset(request, obj, **kwargs, validate_min=True)


@admin.register(Book)
class BookAdmin(ConcurrentAdmin, BulkActs, ExportPage, ImportPages, HistoryPage):
    """Books."""

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
        """What makes the rows of authors. Those of a page older than the book become changes of its links of now."""
        found: dict[str, Any] = super().get_formset_kwargs(request, obj, inline, prefix)
        if obj.pk is not None and request.POST.get(SEEN, state_of(obj)) != state_of(obj):
            found["data"] = rebased(found["data"], obj)
        return found

    def save_model(self, request: HttpRequest, obj: Book, form: Any, change: bool) -> None:
        """Save it; a new one is the administrator's own. What it was before is kept for its history."""
        if not change:
            obj.added_by = cast("User", request.user)
        form.before = writing.save_columns(obj)

    def save_related(self, request: HttpRequest, form: Any, formsets: Any, change: bool) -> None:
        """Once the authors are linked, the book learns their names, and its history what happened."""
        super().save_related(request, form, formsets, change)
        writing.save_links(form.instance, form.before, by=subject_of(request))

    def delete_model(self, request: HttpRequest, obj: Book) -> None:
        """Delete it, and keep what it was."""
        writing.discard(obj, by=subject_of(request))

    def delete_queryset(self, request: HttpRequest, queryset: "QuerySet[Any]") -> None:
        """Delete them, one by one, for each has a history."""
        for book in queryset:
            self.delete_model(request, book)
