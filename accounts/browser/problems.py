"""How do the pages say that something went wrong? Our errors become errors of a form's field, or a page."""

from collections.abc import Mapping
from http import HTTPStatus

from django.forms import BaseForm
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from rest_framework.exceptions import APIException, ErrorDetail

# The fields that an error may be about, by its code; the first that a form has is meant. Other errors are the form's.
_FIELDS: Mapping[str, tuple[str, ...]] = {
    "code_mismatch": ("code",),
    "code_expired": ("code",),
    "password_too_weak": ("new_password", "password"),
    "password_reused": ("new_password", "password"),
    "current_password_wrong": ("current_password", "password"),
    "role_not_allowed": ("role",),
}


def add_error(form: BaseForm, error: APIException) -> int:
    """Say `error` in the `form`; gives the status of the answer.

    That is 200 for what a person mistyped, and the error's own where they can do nothing but wait.
    """
    if isinstance(error.detail, dict):
        for name, details in error.detail.items():
            form.add_error(name if name in form.fields else None, [str(detail) for detail in details])
    else:
        code = error.detail.code if isinstance(error.detail, ErrorDetail) else None
        field = next((name for name in _FIELDS.get(code or "", ()) if name in form.fields), None)
        if field is not None and form[field].help_text == str(error.detail):
            form[field].help_text = ""  # the rules for passwords: once is enough
        form.add_error(field, str(error.detail))
    status: int = error.status_code
    return status if status == HTTPStatus.TOO_MANY_REQUESTS or status >= 500 else HTTPStatus.OK


def with_retry_after(response: HttpResponse, error: APIException) -> HttpResponse:
    """`response`, telling when to try again if `error` knows."""
    wait: int | None = getattr(error, "wait", None)
    if wait is not None:
        response["Retry-After"] = str(wait)
    return response


def error_page(request: HttpRequest, error: APIException, again: str | None = None) -> HttpResponse:
    """A page of its own for what no form can say: the service is out of reach, or must not be asked so often.

    `again` is where to try once more, if not here.
    """
    if again is None:
        again = request.get_full_path() if request.method == "GET" else request.path
    context = {"sentence": error.detail, "again": again}
    response = render(request, "accounts/failed.html", context, status=error.status_code)
    response["Cache-Control"] = "private, no-store"
    return with_retry_after(response, error)
