"""The forms of the catalogue in the admin: they refuse what the API refuses."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from django import forms
from django.core.exceptions import ValidationError

from books.models import MAX_NAME_LENGTH, MAX_NAMES, Book
from books.standards import isbn13, language_tag

if TYPE_CHECKING:
    ModelForm = forms.ModelForm[Book]
else:
    # Django's class takes type arguments in its stubs alone.
    ModelForm = forms.ModelForm


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
        return standard(isbn13, self.cleaned_data["isbn"]) or None

    def clean_language(self) -> str:
        """The canonical tag."""
        return standard(language_tag, self.cleaned_data["language"])


def standard(form: Callable[[str], str], text: str) -> str:
    """`text` in its standard form. Raises ValidationError."""
    try:
        return form(text) if text else ""
    except ValueError as error:
        raise ValidationError(str(error)) from None
