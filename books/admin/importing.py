"""Import of a CSV file in three pages: upload, preview (a dry run), result.

The file is stored in the database between the pages, bound to the session and the person (books/uploads.py).
"""

import logging
from typing import Any

from django import forms
from django.contrib import messages
from django.core.exceptions import PermissionDenied, ValidationError
from django.core.files.uploadhandler import MemoryFileUploadHandler
from django.db import DatabaseError
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.defaultfilters import filesizeformat
from django.template.response import TemplateResponse
from django.urls import path, reverse
from django.views.decorators.csrf import csrf_exempt, csrf_protect
from django.views.decorators.http import require_http_methods, require_safe

from books import uploads
from books.admin import preview
from books.admin.base import OwnSearch, subject_of
from books.admin.forms import LinesField
from books.book_fields import FIELD_NAMES
from books.catalogues.presets import OWN, PRESETS
from books.uploads import GoneError, NoRoomError, Upload

logger = logging.getLogger(__name__)

OWN_COLUMNS = "own"
SIZE = f"{uploads.MAX_BYTES // 1024**2} MB"
GONE = "There is no file waiting here any more. Upload it again."
MARGIN = 64 * 1024  # bytes of a request beside the file

_WAITING, _DONE = "books_import_waiting", "books_import_done"


class UploadForm(forms.Form):
    """The file, and how to read it."""

    file = forms.FileField(
        label="CSV file",
        help_text=f"With a row of column names at the top; at most {SIZE}. A larger one goes through manage.py "
        "import_books.",
        widget=forms.ClearableFileInput(attrs={"accept": ".csv,.txt,text/csv"}),
    )
    preset = forms.ChoiceField(
        label="Made by",
        choices=[(OWN_COLUMNS, OWN.label), *((name, preset.label) for name, preset in PRESETS.items())],
    )
    delimiter = forms.ChoiceField(choices=[(",", "comma"), (";", "semicolon"), ("tab", "tab"), ("|", "bar")])
    encoding = forms.ChoiceField(
        choices=[("utf-8", "UTF-8"), ("windows-1252", "Windows-1252 (Western Europe)"), ("utf-16", "UTF-16")]
    )
    columns = LinesField(
        label="Columns with other names",
        required=False,
        help_text=f"One field=column on each line, such as title=Titel. The fields: {', '.join(FIELD_NAMES)}.",
    )

    def clean_file(self) -> Any:
        """Refuse a file that is too large."""
        file = self.cleaned_data["file"]
        if file.size > uploads.MAX_BYTES:
            raise ValidationError(_too_large())
        return file

    def clean_columns(self) -> dict[str, list[str]]:
        """The columns by field."""
        columns: dict[str, list[str]] = {}
        for line in self.cleaned_data["columns"]:
            field, _, column = line.partition("=")
            if field.strip() not in FIELD_NAMES or not column.strip():
                raise ValidationError(f"{line[:60]}: write field=column, with one of the fields named below.")
            columns.setdefault(field.strip(), []).append(column.strip())
        return columns


class _InMemory(MemoryFileUploadHandler):
    """Upload handler that keeps any file in memory, so that nothing is written to disk before the CSRF check."""

    def handle_raw_input(self, *_: Any, **__: Any) -> None:
        """Accept the file, whose size `_upload` has limited."""
        self.activated = True


def _too_large() -> str:
    return f"The file is larger than {SIZE}. Split it, or use manage.py import_books, which takes any size."


class ImportPages(OwnSearch):
    """Adds `import/`, `import/preview/` and `import/done/` to the URLs of the list."""

    def get_urls(self) -> list[Any]:
        """The URLs of these pages before those of Django."""
        site = self.admin_site.admin_view
        # Size and permission are checked before the CSRF token, for which Django reads the whole body; `_upload`
        # checks it afterwards.
        upload = csrf_exempt(lambda request: self._upload(request))
        setattr(upload, "expects_upload", True)  # noqa: B010 - for config.request_limits
        return [
            path("import/", site(upload), name="books_book_import"),
            path("import/preview/", site(self.preview_view), name="books_book_import_preview"),
            path("import/done/", site(require_safe(self.done_view)), name="books_book_import_done"),
            *super().get_urls(),
        ]

    def may_import(self, request: HttpRequest) -> bool:
        """Whether the user may both add and change books, as an import does."""
        return self.has_add_permission(request) and self.has_change_permission(request)

    def _upload(self, request: HttpRequest) -> HttpResponse:
        self._require(request)
        length = request.META.get("CONTENT_LENGTH") or "0"
        if not length.isdecimal() or int(length) > uploads.MAX_BYTES + MARGIN:
            return self._page(request, "upload", {"form": UploadForm(), "refusal": _too_large()}, status=413)
        request.upload_handlers = [_InMemory(request)]
        return csrf_protect(require_http_methods(["GET", "HEAD", "POST"])(self.upload_view))(request)

    def upload_view(self, request: HttpRequest) -> HttpResponse:
        """The form; a valid file is stored, and the preview follows."""
        if request.method != "POST":
            return self._page(request, "upload", {"form": UploadForm()})
        form = UploadForm(request.POST, request.FILES)
        if not form.is_valid():
            return self._page(request, "upload", {"form": form}, status=400)
        self._forget(request)
        try:
            key = Upload.objects.keep(form.cleaned_data["file"], subject_of(request))
        except NoRoomError:
            refusal = "Too many files wait for their import. Try again in an hour, or use manage.py import_books."
            return self._page(request, "upload", {"form": form, "refusal": refusal}, status=503)
        except (OSError, DatabaseError) as error:
            logger.error("An upload could not be stored: %s", type(error).__name__)
            refusal = "The file could not be kept on the server. Its operators can read why in the log."
            return self._page(request, "upload", {"form": form, "refusal": refusal}, status=503)
        request.session[_WAITING] = {
            "key": key,
            "name": form.cleaned_data["file"].name[:100],
            "size": form.cleaned_data["file"].size,
            "wishes": {name: form.cleaned_data[name] for name in ("preset", "delimiter", "encoding", "columns")},
        }
        return HttpResponseRedirect(reverse("admin:books_book_import_preview"))

    def preview_view(self, request: HttpRequest) -> HttpResponse:
        """The result of a dry run. A POST imports the file or cancels."""
        self._require(request)
        waiting = request.session.get(_WAITING)
        upload = Upload.objects.of(waiting["key"], subject_of(request)) if waiting else None
        if not waiting or upload is None:
            return self._again(request, GONE)
        if request.method != "POST":
            return self._preview(request, waiting, upload)
        if "cancel" in request.POST:
            self._forget(request)
            self.message_user(request, "Given up: nothing was imported.", messages.INFO)
            return HttpResponseRedirect(reverse("admin:books_book_changelist"))
        return self._import(request, waiting)

    def done_view(self, request: HttpRequest) -> HttpResponse:
        """The result of the import."""
        self._require(request)
        done = request.session.get(_DONE)
        if not done:
            return HttpResponseRedirect(reverse("admin:books_book_import"))
        return self._page(request, "done", done)

    def _preview(self, request: HttpRequest, waiting: dict[str, Any], upload: Upload) -> HttpResponse:
        try:
            with upload.open() as binary:
                summary = preview.read(binary, _options(waiting), by=subject_of(request), dry_run=True)
        except preview.BadFileError as error:
            self._forget(request)
            return self._again(request, f"The file {waiting['name']} cannot be read. {error}")
        except GoneError:
            return self._again(request, GONE)
        except DatabaseError as error:
            logger.error("A preview failed: %s", type(error).__name__)
            return self._again(request, "The database failed. Try again in a while; nothing was written.")
        about = {"name": waiting["name"], "size": filesizeformat(waiting["size"])}
        return self._page(request, "preview", {"account": summary, "of": about})

    def _import(self, request: HttpRequest, waiting: dict[str, Any]) -> HttpResponse:
        try:
            upload = Upload.objects.take(waiting["key"], subject_of(request))
        except GoneError:
            return self._again(request, "This file is being imported already.")
        request.session.pop(_WAITING)
        try:
            with upload.open() as binary:
                summary = preview.read(binary, _options(waiting), by=subject_of(request), dry_run=False)
        except preview.BadFileError as error:
            return self._again(request, f"The file {waiting['name']} cannot be read. {error}")
        except (DatabaseError, GoneError) as error:
            logger.error("An import failed: %s", type(error).__name__)
            what = "The file was deleted" if isinstance(error, GoneError) else "The database failed"
            said = f"{what} on the way. What was imported until then stays; importing again does the rest."
            return self._again(request, said)
        finally:
            upload.delete()
        about = {"name": waiting["name"], "size": filesizeformat(waiting["size"])}
        request.session[_DONE] = {"account": summary, "of": about}
        return HttpResponseRedirect(reverse("admin:books_book_import_done"))

    def _require(self, request: HttpRequest) -> None:
        if not self.may_import(request):
            raise PermissionDenied

    def _forget(self, request: HttpRequest) -> None:
        waiting = request.session.pop(_WAITING, None)
        if waiting:
            Upload.objects.give_up(waiting["key"], subject_of(request))

    def _again(self, request: HttpRequest, said: str) -> HttpResponse:
        self.message_user(request, said, messages.ERROR)
        return HttpResponseRedirect(reverse("admin:books_book_import"))

    def _page(self, request: HttpRequest, name: str, more: dict[str, Any], status: int = 200) -> HttpResponse:
        titles = {"upload": "Import a catalogue", "preview": "What this import would do", "done": "Imported"}
        context = {**self.admin_site.each_context(request), "title": titles[name], "opts": self.opts, **more}
        return TemplateResponse(request, f"admin/books/book/import_{name}.html", context, status=status)


def _options(waiting: dict[str, Any]) -> preview.ImportOptions:
    # The key is that of sessions of earlier releases.
    chosen = waiting["wishes"]
    delimiter = "\t" if chosen["delimiter"] == "tab" else chosen["delimiter"]
    return preview.ImportOptions(chosen["preset"], delimiter, chosen["encoding"], chosen["columns"])
