"""Optimistic concurrency control for the admin: no form saves over, or deletes, what changed after it was opened.

A form carries the state of the row that its page was made from, and the initial value of each field. Both are compared
with the row, under a lock, in the transaction that saves. If the row has changed, nothing is saved: the form is shown
again with what was typed, each field that somebody else changed shows the current value, and an untouched field takes
it over. Saving that form saves what it shows, unless the row has changed once more.
"""

from typing import TYPE_CHECKING, Any

from django import forms
from django.contrib import admin, messages
from django.contrib.admin.utils import unquote
from django.core.exceptions import ValidationError
from django.db import transaction
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.text import Truncator

if TYPE_CHECKING:
    ModelAdmin = admin.ModelAdmin[Any]
    ModelForm = forms.ModelForm[Any]
else:
    # Only the stubs of Django's classes take type arguments.
    ModelAdmin, ModelForm = admin.ModelAdmin, forms.ModelForm

SEEN = "seen"
"""Name of the form field with the state of the row that the page was made from."""

MAX_SHOWN = 300  # characters of a value that are shown at once


def state_of(row: Any) -> str:
    """A text that changes whenever the row does."""
    return str(row.version if hasattr(row, "version") else row)


def shown(value: Any) -> str:
    """A value as text."""
    text = ", ".join(map(str, value)) if isinstance(value, list) else "" if value is None else str(value)
    return text or "nothing"


def _folded(value: Any) -> str | SafeString:
    """A value as text; a long one is folded (`<details>`)."""
    text = shown(value)
    if len(text) <= MAX_SHOWN:
        return f"“{text}”"
    beginning = Truncator(text).chars(MAX_SHOWN)
    return format_html("<details><summary>“{}”</summary>{}</details>", beginning, text)


class ConcurrentForm(ModelForm):
    """Model form that refuses to save over a change of the row that its page did not show."""

    seen = forms.CharField(required=False, widget=forms.HiddenInput)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if self.instance.pk is None:
            return
        self.initial[SEEN] = state_of(self.instance)
        for field in self.fields.values():
            # The page then sends the initial value too, and Django compares the input with it.
            field.show_hidden_initial = not field.widget.is_hidden

    def clean(self) -> dict[str, Any] | None:
        """As in a model form; adds errors if the row has changed since the page was made."""
        values = super().clean()
        if self.is_stale:
            self._show_both()
        return values

    @property
    def is_stale(self) -> bool:
        """Whether the row has changed since the page was made; false if the page sends no state."""
        seen = self.data.get(self.add_prefix(SEEN))
        # The instance is as it was read under a lock: input is assigned to it after clean().
        return bool(seen) and self.instance.pk is not None and seen != self.initial[SEEN]

    def by_whom(self) -> str:
        """Who changed the row last, such as " by ada@example.com"; empty where that is unknown."""
        return ""

    def also_changed(self) -> list[str]:
        """Sentences about changes by others outside the fields."""
        return []

    def _show_both(self) -> None:
        data = self.data = self.data.copy()  # type: ignore[attr-defined]
        for name in [name for name, field in self.fields.items() if not field.widget.is_hidden]:
            bound, field = self[name], self.fields[name]
            now, typed = self.get_initial_for_field(field, name), bound.data
            raw = "" if (prepared := field.prepare_value(now)) is None else str(prepared)
            was = data.get(bound.html_initial_name)
            data[bound.html_initial_name] = raw
            if not field.has_changed(now, typed) or (was is not None and not field.has_changed(now, was)):
                continue  # the same value, or nobody else changed it
            if was is not None and not _changed(field, was, typed):
                data[bound.html_name] = raw
                said = "You had not changed this: the field holds what the catalogue has now. When you opened it: {}"
                self.add_error(name, ValidationError(format_html(said, _folded(was))))
            else:
                said = "What you typed is still in the field. Saving replaces what the catalogue has now: {}"
                self.add_error(name, ValidationError(format_html(said, _folded(now))))
        data[self.add_prefix(SEEN)] = self.initial[SEEN]
        said = (
            f"This {self._meta.model._meta.verbose_name} was changed{self.by_whom()} after you opened the page. "
            "Nothing was saved yet. Look at what is marked, and save again to save what the page shows now."
        )
        for sentence in (said, *self.also_changed()):
            self.add_error(None, ValidationError(sentence, code="stale"))


def _changed(field: forms.Field, was: str, typed: Any) -> bool:
    """Whether the input `typed` differs from the initial value `was`, both as sent by the page."""
    try:
        return field.has_changed(field.to_python(was), typed)
    except ValidationError:
        return True


class ConcurrentAdmin(ModelAdmin):
    """Admin class that locks the row of a form before it is saved or deleted, and deletes no changed row."""

    delete_confirmation_template = "admin/books/delete_confirmation.html"

    def get_object(self, request: HttpRequest, object_id: str, from_field: str | None = None) -> Any:
        """The row, locked until the transaction ends if a form is sent."""
        found = super().get_object(request, object_id, from_field)
        if found is None or request.method != "POST" or not transaction.get_connection().in_atomic_block:
            return found
        # no_key: foreign keys may refer to it meanwhile, for a book that is being saved may name this author.
        return self.get_queryset(request).select_for_update(no_key=True).filter(pk=found.pk).first()

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """The form. If the row has been deleted meanwhile, the input fills the form of a new one."""
        if (
            request.method != "POST"
            or not self.has_add_permission(request)
            or self.get_object(request, unquote(object_id)) is not None
        ):
            return super().change_view(request, object_id, form_url, extra_context)
        said = f"Somebody deleted this {self.opts.verbose_name} after you opened the page. What you typed is below: "
        self.message_user(request, f"{said}saving adds it anew.", messages.WARNING)
        # Django fills the form of a new row from the query string.
        request.method, request.GET = "GET", request.POST
        return self.add_view(request, reverse(f"admin:{self.opts.app_label}_{self.opts.model_name}_add"), extra_context)

    def delete_view(
        self, request: HttpRequest, object_id: str, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """Confirm and delete; a row that has changed since the confirmation was shown is confirmed again."""
        with transaction.atomic():
            row = self.get_object(request, unquote(object_id))
            state = "" if row is None else state_of(row)
            if request.method == "POST" and row is not None and request.POST.get(SEEN, state) != state:
                said = f"Somebody changed this {self.opts.verbose_name} after you opened the page. Nothing was deleted."
                self.message_user(request, said, messages.ERROR)
                return HttpResponseRedirect(request.get_full_path())
            return super().delete_view(request, object_id, {**(extra_context or {}), SEEN: state})
