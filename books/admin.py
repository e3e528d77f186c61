"""The catalogue in Django's admin. What it saves keeps every promise that the API's writes keep."""

from typing import TYPE_CHECKING, Any, ClassVar

from django import forms
from django.contrib import admin
from django.core.exceptions import ValidationError
from django.db.models import QuerySet
from django.http import HttpRequest

from books.models import MAX_NAME_LENGTH, MAX_NAMES, Author, Authorship, Book
from books.search import normalise
from books.standards import isbn13, language_tag

if TYPE_CHECKING:
    ModelForm = forms.ModelForm[Book]
    Inline = admin.TabularInline[Authorship, Book]
    ModelAdmin = admin.ModelAdmin[Any]
else:
    # Django's classes take type arguments in their stubs alone.
    ModelForm, Inline, ModelAdmin = forms.ModelForm, admin.TabularInline, admin.ModelAdmin


class LinesField(forms.CharField):
    """A list of texts, one on each line."""

    widget = forms.Textarea(attrs={"rows": 4, "cols": 60})

    def prepare_value(self, value: Any) -> Any:
        """What the text area shows."""
        return "\n".join(value) if isinstance(value, list) else value

    def to_python(self, value: Any) -> Any:
        """The list."""
        lines = (line.strip() for line in (value or "").splitlines())
        return list(dict.fromkeys(line for line in lines if line))

    def validate(self, value: Any) -> None:
        """Not too many, and none too long."""
        super().validate(value)
        if len(value) > MAX_NAMES or any(len(line) > MAX_NAME_LENGTH for line in value):
            raise ValidationError(f"At most {MAX_NAMES} lines of {MAX_NAME_LENGTH} characters.")

    def run_validators(self, value: Any) -> None:
        """Those of CharField are for one text."""
        super().run_validators("\n".join(value))

    def has_changed(self, initial: Any, data: Any) -> bool:
        """Whether the lists differ."""
        return bool((initial or []) != self.to_python(data))


class BookForm(ModelForm):
    """A book's own fields."""

    isbn = forms.CharField(label="ISBN", required=False, help_text="In any form; kept as 13 digits.")
    subjects = LinesField(required=False, help_text="One on each line.")

    class Meta:
        model = Book
        fields = "__all__"

    def clean_isbn(self) -> str | None:
        """Its 13 digits; none when the field is empty."""
        return _standard(isbn13, self.cleaned_data["isbn"]) or None

    def clean_language(self) -> str:
        """The canonical tag."""
        return _standard(language_tag, self.cleaned_data["language"])


def _standard(form: Any, text: str) -> str:
    try:
        return form(text) if text else ""
    except ValueError as error:
        raise ValidationError(str(error)) from None


class AuthorshipInline(Inline):
    """Who wrote the book, in the order of the title page."""

    model = Authorship
    autocomplete_fields = ("author",)
    extra = 0
    min_num = 1
    max_num = MAX_NAMES

    def get_formset(self, request: HttpRequest, obj: Any = None, **kwargs: Any) -> Any:
        """A book has at least one author."""
        return super().get_formset(request, obj, **kwargs, validate_min=True)


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


@admin.register(Book)
class BookAdmin(OwnSearch):
    """Books."""

    form = BookForm
    inlines = (AuthorshipInline,)
    list_display = ("title", "by", "published_year", "language", "rating", "isbn", "created_at")
    list_filter = ("language", "created_at")
    date_hierarchy = "created_at"
    search_fields = ("words",)
    readonly_fields = ("added_by", "created_at", "updated_at", "version")
    fieldsets: ClassVar = [
        (None, {"fields": ["title", "subtitle", "isbn", "description", "subjects"]}),
        ("Edition", {"fields": ["publisher", "published_year", "language", "page_count", "rating"]}),
        ("History", {"fields": ["added_by", "created_at", "updated_at", "version"]}),
    ]

    @admin.display(description="authors")
    def by(self, book: Book) -> str:
        """The names of the authors."""
        return ", ".join(book.author_names)

    def save_related(self, request: HttpRequest, form: Any, formsets: Any, change: bool) -> None:
        """Once the authors are linked, the book learns their names."""
        super().save_related(request, form, formsets, change)
        form.instance.take_names_from_authors()


@admin.register(Author)
class AuthorAdmin(OwnSearch):
    """Authors."""

    list_display = ("name",)
    search_fields = ("words",)

    def save_model(self, request: HttpRequest, obj: Author, form: Any, change: bool) -> None:
        """A new name goes into the books as well."""
        if change and "name" in form.changed_data:
            obj.rename(obj.name)
        else:
            obj.save()
