"""Middleware that validates the session of a signed-in browser before every page; the API does so by itself."""

from collections.abc import Callable
from contextlib import suppress
from typing import Any

from django.contrib.auth import BACKEND_SESSION_KEY, SESSION_KEY
from django.db import connection
from django.http import HttpRequest, HttpResponse
from django.utils.cache import patch_cache_control
from rest_framework.exceptions import APIException
from rest_framework.views import APIView

from accounts.browser import session
from accounts.browser.backends import CognitoBackend
from accounts.browser.problems import error_page
from accounts.models import LOCAL_PREFIX, User

View = Callable[..., HttpResponse]

_COGNITO_BACKEND = f"{CognitoBackend.__module__}.{CognitoBackend.__qualname__}"  # as the session names it


class BrowserSessionMiddleware:
    """Renews the session of a signed-in browser, or ends it; no work without a session cookie.

    Pages of signed-in people are not cached, so the back button shows nothing after a sign-out. A view with a true
    `outlives_session` is called whether or not the session is valid.
    """

    def __init__(self, get_response: View) -> None:
        self._get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """The response, private and not cached if it is a page of a signed-in person."""
        signed_in = session.has_cookie(request)
        response = self._get_response(request)
        if signed_in and response.get("Content-Type", "").startswith("text/html"):
            patch_cache_control(response, private=True, no_store=True)
        return response

    def process_view(
        self, request: HttpRequest, view: View, args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> HttpResponse | None:
        """An error page when the session cannot be validated now; None otherwise."""
        if not session.has_cookie(request) or _view_flag(view, "outlives_session"):
            return None
        if _is_api(view):
            if connection.settings_dict["ATOMIC_REQUESTS"] and "HTTP_AUTHORIZATION" not in request.META:
                # Before the transaction of the request: rolled back with it, a rotated refresh token would be lost.
                with suppress(APIException):  # the view's authentication meets it again
                    session.claims_of(request)
            return None
        try:
            claims = session.claims_of(request)
        except APIException as error:
            return error_page(request, error)
        if claims is not None:
            session.limit_rights(request, claims)
        person = request.user
        if person.is_authenticated:
            # A user of the pool is authenticated by their tokens only.
            of_pool = request.session.get(BACKEND_SESSION_KEY) == _COGNITO_BACKEND
            if isinstance(person, User):
                of_pool = not person.sub.startswith(LOCAL_PREFIX)
            if claims is None and of_pool:
                session.forget(request)
        elif SESSION_KEY in request.session:
            session.forget(request)  # the row of the user was deleted
        return None


def _is_api(view: View) -> bool:
    kind = getattr(view, "cls", None)
    return isinstance(kind, type) and issubclass(kind, APIView)


def _view_flag(view: View, name: str) -> bool:
    return bool(getattr(getattr(view, "view_class", None), name, False))
