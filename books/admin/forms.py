"""Forms of books in the admin, which refuse what the API refuses."""

from collections.abc import Callable
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.http import QueryDict

from accounts.user_rows import email_of
from books.admin.concurrency import ConcurrentForm
from books.admin.history import who
from books.book_fields import BOOK_FIELDS, MAX_NAME_LENGTH, MAX_NAMES
from books.models import Authorship, Book, BookChange
from books.standards import isbn13, language_tag

FORM_FIELDS = tuple(field.column for field in BOOK_FIELDS if field.name != "authors")
"""The fields of a book on its page; its authors are rows of their own."""

ROWS = "authorship_set"
"""The prefix of the rows with a book's authors."""

MAX_ROWS = 1000  # of authors on a page; Django reads no more fields than that


class LinesField(forms.CharField):
    """Form field of a list of texts, one on each line."""

    widget = forms.Textarea(attrs={"rows": 4, "cols": 60})

    def prepare_value(self, value: Any) -> Any:
        """The list as lines."""
        return "\n".join(value) if isinstance(value, list) else value

    def to_python(self, value: Any) -> Any:
        """The lines as a list, without blank and repeated ones."""
        lines = (line.strip() for line in (value or "").splitlines())
        return list(dict.fromkeys(line for line in lines if line))

    def validate(self, value: Any) -> None:
        """Check the number of lines and their lengths."""
        super().validate(value)
        if len(value) > MAX_NAMES or any(len(line) > MAX_NAME_LENGTH for line in value):
            raise ValidationError(f"At most {MAX_NAMES} lines of {MAX_NAME_LENGTH} characters.")

    def run_validators(self, value: Any) -> None:
        """Run the validators of CharField on the whole text."""
        super().run_validators("\n".join(value))

    def has_changed(self, initial: Any, data: Any) -> bool:
        """Whether the lists differ."""
        return bool((initial or []) != self.to_python(data))


class BookForm(ConcurrentForm):
    """Form of a book's own fields, with the authors that it had when the page was made."""

    isbn = forms.CharField(label="ISBN", required=False, help_text="In any form; kept as 13 digits.")
    subjects = LinesField(required=False, help_text="One on each line.")
    seen_authors = forms.CharField(required=False, widget=forms.HiddenInput)

    class Meta:
        model = Book
        fields = FORM_FIELDS

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if self.instance.pk is not None:
            self.initial["seen_authors"] = ",".join(str(link.author_id) for link in _links(self.instance))

    def clean_isbn(self) -> str | None:
        """The 13 digits; None for an empty field."""
        return standard(isbn13, self.cleaned_data["isbn"]) or None

    def clean_language(self) -> str:
        """The canonical tag."""
        return standard(language_tag, self.cleaned_data["language"])

    def by_whom(self) -> str:
        """Who changed the book last."""
        change = BookChange.objects.of(self.instance.pk).annotate(email=email_of("by")).first()
        return f" by {who(change)}" if change else ""

    def also_changed(self) -> list[str]:
        """A sentence if somebody else changed the authors, whose rows are `rebased`."""
        name, now = self.add_prefix("seen_authors"), self.initial["seen_authors"]
        was, chosen = self.data.get(name), ",".join(author for author, _ in chosen_authors(self.data))
        self.data[name] = now  # type: ignore[index]
        if now in (was, chosen):
            return []
        names = ", ".join(link.author.name for link in _links(self.instance))
        if chosen == was:
            return [f"Its authors are now {names}. You had not changed them, so these are below."]
        return [f"In the catalogue its authors are now {names}. Those that you chose are below: saving keeps these."]


def _links(book: Book) -> list[Authorship]:
    return list(book.authorship_set.select_related("author"))


def chosen_authors(data: Any) -> list[tuple[str, str]]:
    """The authors that a page sends, in order: id and position of each, as text."""
    total = data.get(f"{ROWS}-TOTAL_FORMS") or ""
    numbers = range(min(int(total), MAX_ROWS) if total.isdecimal() else 0)
    rows = [
        (data.get(f"{ROWS}-{number}-author") or "", data.get(f"{ROWS}-{number}-position") or "")
        for number in numbers
        if f"{ROWS}-{number}-DELETE" not in data
    ]
    return sorted((row for row in rows if row[0]), key=lambda row: int(row[1]) if row[1].isdecimal() else 0)


def rebased(data: QueryDict, book: Book) -> QueryDict:
    """The rows of authors that a page sends, rewritten as changes of the current links of the book.

    Links have no lasting ids, for each change of the authors makes all of them anew. If the page changed nothing, the
    rows are the current ones.
    """
    links, chosen = _links(book), chosen_authors(data)
    if [author for author, _ in chosen] == (data.get("seen_authors") or "").split(","):
        chosen = [(str(link.author_id), str(link.position)) for link in links]
    rows: list[dict[str, str]] = []
    for link in links:
        author = str(link.author_id)
        place = next((row for row in chosen if row[0] == author), None)
        if place:
            chosen.remove(place)
        row = {"id": str(link.pk), "author": author, "position": place[1] if place else str(link.position)}
        rows.append(row if place else {**row, "DELETE": "on"})
    rows += [{"id": "", "author": author, "position": position} for author, position in chosen]
    for name in [name for name in data if name.startswith(f"{ROWS}-")]:
        del data[name]
    data[f"{ROWS}-INITIAL_FORMS"], data[f"{ROWS}-TOTAL_FORMS"] = str(len(links)), str(len(rows))
    for number, row in enumerate(rows):
        for name, value in {**row, "book": str(book.pk)}.items():
            data[f"{ROWS}-{number}-{name}"] = value
    return data


def standard(form: Callable[[str], str], text: str) -> str:
    """`text` in its standard form. Raises ValidationError."""
    try:
        return form(text) if text else ""
    except ValueError as error:
        raise ValidationError(str(error)) from None
