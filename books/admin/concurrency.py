"""Optimistic concurrency control for the admin: no form saves over, or deletes, what changed after it was opened.

A form carries the state that its page was made from, and each field its initial value. The row is locked before both
are compared with what it holds now, in the transaction that saves. Where it has changed nothing is saved: the form is
shown again with what was typed, each field that somebody else changed says what the catalogue has now, and a field that
was not touched takes that over. Saving that form saves what it shows, unless the row has changed once more.
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
    # Django's classes take type arguments in their stubs alone.
    ModelAdmin, ModelForm = admin.ModelAdmin, forms.ModelForm

SEEN = "seen"
"""The name of the field with the state that a page was made from."""

MAX_SHOWN = 300  # characters of a value that are shown at once


def state_of(row: Any) -> str:
    """What changes whenever the row does, as text."""
    return str(row.version if hasattr(row, "version") else row)


def shown(value: Any) -> str:
    """A value in words, whole."""
    text = ", ".join(map(str, value)) if isinstance(value, list) else "" if value is None else str(value)
    return text or "nothing"


def _folded(value: Any) -> str | SafeString:
    """A value in words; of a long one the beginning, which unfolds."""
    text = shown(value)
    if len(text) <= MAX_SHOWN:
        return f"“{text}”"
    beginning = Truncator(text).chars(MAX_SHOWN)
    return format_html("<details><summary>“{}”</summary>{}</details>", beginning, text)


class ConcurrentForm(ModelForm):
    """The form of a row that others may change meanwhile."""

    seen = forms.CharField(required=False, widget=forms.HiddenInput)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if self.instance.pk is None:
            return
        self.initial[SEEN] = state_of(self.instance)
        for field in self.fields.values():
            # Django sends the initial value along, and compares with that what was typed.
            field.show_hidden_initial = not field.widget.is_hidden

    def clean(self) -> dict[str, Any] | None:
        """As the model's form does; refuses to save over a change that was not seen."""
        values = super().clean()
        if self.is_stale:
            self._show_both()
        return values

    @property
    def is_stale(self) -> bool:
        """Whether the row has changed since the page was made. Without a state there is nothing to compare."""
        seen = self.data.get(self.add_prefix(SEEN))
        # The instance is as it was read, under a lock: what was typed is put into it after clean().
        return bool(seen) and self.instance.pk is not None and seen != self.initial[SEEN]

    def by_whom(self) -> str:
        """Who changed the row last, such as " by somebody"; nothing where that is not known."""
        return ""

    def also_changed(self) -> list[str]:
        """Sentences about what others changed beside the fields."""
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
                continue  # both want the same, or nobody else changed it
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
    """Whether `typed` differs from the initial value `was`, both as a page sends them."""
    try:
        return field.has_changed(field.to_python(was), typed)
    except ValidationError:
        return True


class ConcurrentAdmin(ModelAdmin):
    """Locks the row that a form is about to save or delete, and deletes none that has changed meanwhile."""

    delete_confirmation_template = "admin/books/delete_confirmation.html"

    def get_object(self, request: HttpRequest, object_id: str, from_field: str | None = None) -> Any:
        """The row; locked until the transaction ends, where a form is sent."""
        found = super().get_object(request, object_id, from_field)
        if found is None or request.method != "POST" or not transaction.get_connection().in_atomic_block:
            return found
        # Not against references to it: a book that is being saved may name an author that is open here.
        return self.get_queryset(request).select_for_update(no_key=True).filter(pk=found.pk).first()

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """The form. Where the row has been deleted since it was opened, what was typed begins a new one."""
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
        """Ask, and delete what was asked about. What has changed in between is asked about again."""
        with transaction.atomic():
            row = self.get_object(request, unquote(object_id))
            state = "" if row is None else state_of(row)
            if request.method == "POST" and row is not None and request.POST.get(SEEN, state) != state:
                said = f"Somebody changed this {self.opts.verbose_name} after you opened the page. Nothing was deleted."
                self.message_user(request, said, messages.ERROR)
                return HttpResponseRedirect(request.get_full_path())
            return super().delete_view(request, object_id, {**(extra_context or {}), SEEN: state})
