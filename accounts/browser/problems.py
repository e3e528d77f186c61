"""Errors of flows as errors of form fields, or as error pages."""

from collections.abc import Mapping
from http import HTTPStatus

from django.forms import BaseForm
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from rest_framework.exceptions import APIException, ErrorDetail

# Candidate fields of an error, by its code; the first that the form has. Other errors are errors of the whole form.
_FIELDS: Mapping[str, tuple[str, ...]] = {
    "code_mismatch": ("code",),
    "code_expired": ("code",),
    "password_too_weak": ("new_password", "password"),
    "password_reused": ("new_password", "password"),
    "current_password_wrong": ("current_password", "password"),
    "role_not_allowed": ("role",),
}


def add_error(form: BaseForm, error: APIException) -> int:
    """Add `error` to `form`. Returns the status of the response: 200 for input errors, else the error's (429, 5xx)."""
    if isinstance(error.detail, dict):
        for name, details in error.detail.items():
            form.add_error(name if name in form.fields else None, [str(detail) for detail in details])
    else:
        code = error.detail.code if isinstance(error.detail, ErrorDetail) else None
        field = next((name for name in _FIELDS.get(code or "", ()) if name in form.fields), None)
        if field is not None and form[field].help_text == str(error.detail):
            form[field].help_text = ""  # the password policy is shown once only
        form.add_error(field, str(error.detail))
    status: int = error.status_code
    return status if status == HTTPStatus.TOO_MANY_REQUESTS or status >= 500 else HTTPStatus.OK


def with_retry_after(response: HttpResponse, error: APIException) -> HttpResponse:
    """`response` with Retry-After, if `error` has a wait."""
    wait: int | None = getattr(error, "wait", None)
    if wait is not None:
        response["Retry-After"] = str(wait)
    return response


def error_page(request: HttpRequest, error: APIException, again: str | None = None) -> HttpResponse:
    """Error page, with the sentence and status of `error` and a link to retry: `again`, by default this page."""
    if again is None:
        again = request.get_full_path() if request.method == "GET" else request.path
    context = {"sentence": error.detail, "again": again}
    response = render(request, "accounts/failed.html", context, status=error.status_code)
    response["Cache-Control"] = "private, no-store"
    return with_retry_after(response, error)
