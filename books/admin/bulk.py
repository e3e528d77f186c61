"""Bulk actions: books are selected in the list, confirmed on a page, and changed in one transaction.

Books that somebody else changed after the confirmation page was shown are left unchanged and reported.
"""

from collections.abc import Callable, Mapping
from typing import Any

from django import forms
from django.contrib import admin, messages
from django.contrib.admin import helpers
from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, QueryDict
from django.template.response import TemplateResponse

from books import writing
from books.admin.base import OwnSearch, subject_of
from books.admin.concurrency import SEEN, state_of
from books.admin.forms import standard
from books.book_fields import MAX_NAME_LENGTH, MAX_NAMES
from books.models import Book
from books.standards import MAX_LANGUAGE_LENGTH, language_tag

MAX_AT_ONCE = 500  # books in one transaction; well below the number of form fields that Django reads
SHOWN = 10

Change = Callable[[Book, Any, str], bool]
"""Changes one book to the values of the form, by a subject; returns whether anything changed."""


class ConfirmationForm(forms.Form):
    """Form without fields."""


class LanguageForm(forms.Form):
    """Form of the new language."""

    language = forms.CharField(
        max_length=MAX_LANGUAGE_LENGTH, required=False, help_text="A BCP 47 tag, such as en or pt-BR; empty for none."
    )

    def clean_language(self) -> str:
        """The canonical tag."""
        return standard(language_tag, self.cleaned_data["language"])


class SubjectForm(forms.Form):
    """Form of a subject."""

    subject = forms.CharField(max_length=MAX_NAME_LENGTH)


class BulkActions(OwnSearch):
    """Adds the bulk actions to the list of books."""

    @admin.action(description="Set the language of selected books", permissions=["change"])
    def set_language(self, request: HttpRequest, queryset: "QuerySet[Any]") -> HttpResponse | None:
        """Set the language of all selected books."""
        return self._confirmed_action(request, queryset, "Set the language", "change", LanguageForm, _set_language)

    @admin.action(description="Add a subject to selected books", permissions=["change"])
    def add_subject(self, request: HttpRequest, queryset: "QuerySet[Any]") -> HttpResponse | None:
        """Add a subject to the selected books that lack it."""
        return self._confirmed_action(request, queryset, "Add a subject", "change", SubjectForm, _add_subject)

    @admin.action(description="Remove a subject from selected books", permissions=["change"])
    def remove_subject(self, request: HttpRequest, queryset: "QuerySet[Any]") -> HttpResponse | None:
        """Remove a subject from the selected books that have it."""
        return self._confirmed_action(request, queryset, "Remove a subject", "change", SubjectForm, _remove_subject)

    @admin.action(description="Delete selected books", permissions=["delete"])
    def delete_selected(self, request: HttpRequest, queryset: "QuerySet[Any]") -> HttpResponse | None:
        """Delete the selected books; Django's own action would not write the history."""
        return self._confirmed_action(request, queryset, "Delete", "delete", ConfirmationForm, _delete)

    def _confirmed_action(
        self,
        request: HttpRequest,
        queryset: "QuerySet[Any]",
        verb: str,
        needs: str,
        form_class: type[forms.Form],
        change: Change,
    ) -> HttpResponse | None:
        allowed = {"change": self.has_change_permission, "delete": self.has_delete_permission}[needs]
        if not allowed(request):
            raise PermissionDenied
        # By id from here on: exactly the books that the page shows are changed.
        states = {book.pk: state_of(book) for book in queryset.order_by("pk").only("pk", "version")[: MAX_AT_ONCE + 1]}
        chosen = [*states]
        if len(chosen) > MAX_AT_ONCE:
            said = f"At most {MAX_AT_ONCE} books at once: narrow the list first. Nothing was changed."
            self.message_user(request, said, messages.ERROR)
            return None
        form = form_class(request.POST if "confirmed" in request.POST else None)
        if form.is_bound and form.is_valid():
            done, stale = _all(chosen, _states_of(request.POST), change, form.cleaned_data, subject_of(request))
            said = f"{done} of {len(chosen)} books {'deleted' if needs == 'delete' else 'changed'}"
            if idle := len(chosen) - done - stale:
                said += f"; {idle} had nothing to change"
            if stale:
                said += f"; {stale} left alone, for somebody else changed them meanwhile"
            self.message_user(request, f"{said}.", messages.WARNING if stale else messages.SUCCESS)
            return None
        context = {
            **self.admin_site.each_context(request),
            "title": f"{verb}: {len(chosen)} book{'' if len(chosen) == 1 else 's'}",
            "opts": self.opts,
            "form": form,
            "verb": verb,
            "is_dangerous": needs == "delete",
            "books": Book.objects.filter(pk__in=chosen[:SHOWN]).order_by("pk"),
            "more": max(len(chosen) - SHOWN, 0),
            "chosen": chosen,
            "seen": " ".join(f"{pk}:{state}" for pk, state in states.items()),
            "box": helpers.ACTION_CHECKBOX_NAME,
            "action": request.POST["action"],
            "media": self.media,
        }
        return TemplateResponse(request, "admin/books/book/bulk.html", context)


def _states_of(data: QueryDict) -> dict[str, str]:
    """The states of the books on the confirmation page, by id, both as text."""
    return dict(pair.split(":", 1) for pair in data.get(SEEN, "").split() if ":" in pair)


def _all(chosen: list[int], states: Mapping[str, str], change: Change, values: Any, by: str) -> tuple[int, int]:
    """Change the books; returns how many changed, and how many were no longer in the state given."""
    with transaction.atomic():
        books = [*Book.objects.select_for_update().filter(pk__in=chosen).order_by("pk")]
        same = [book for book in books if states.get(str(book.pk), state_of(book)) == state_of(book)]
        return sum(change(book, values, by) for book in same), len(books) - len(same)


def _set_language(book: Book, values: Any, by: str) -> bool:
    if book.language == values["language"]:
        return False
    writing.change(book, by=by, language=values["language"])
    return True


def _add_subject(book: Book, values: Any, by: str) -> bool:
    if values["subject"] in book.subjects or len(book.subjects) >= MAX_NAMES:
        return False
    writing.change(book, by=by, subjects=[*book.subjects, values["subject"]])
    return True


def _remove_subject(book: Book, values: Any, by: str) -> bool:
    if values["subject"] not in book.subjects:
        return False
    writing.change(book, by=by, subjects=[each for each in book.subjects if each != values["subject"]])
    return True


def _delete(book: Book, values: Any, by: str) -> bool:
    writing.discard(book, by=by)
    return True
