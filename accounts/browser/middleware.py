"""Is the session of this browser still good? Asked before every page; the API's authentication asks by itself."""

from collections.abc import Callable
from contextlib import suppress
from typing import Any

from django.contrib.auth import SESSION_KEY
from django.db import connection
from django.http import HttpRequest, HttpResponse
from django.utils.cache import patch_cache_control
from rest_framework.exceptions import APIException
from rest_framework.views import APIView

from accounts.browser import session
from accounts.browser.problems import error_page
from accounts.models import LOCAL_PREFIX, User

View = Callable[..., HttpResponse]


class BrowserSessionMiddleware:
    """Renews the session of a signed-in browser, or ends it; a request without a session's cookie costs nothing.

    Pages of signed-in people are kept by no cache: after signing out, the browser's back button shows nothing.
    A view with a true `outlives_session` is asked whatever has become of the session.
    """

    def __init__(self, get_response: View) -> None:
        self._get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """The answer; a page of somebody signed in is theirs alone."""
        signed_in = session.has_cookie(request)
        response = self._get_response(request)
        if signed_in and response.get("Content-Type", "").startswith("text/html"):
            patch_cache_control(response, private=True, no_store=True)
        return response

    def process_view(
        self, request: HttpRequest, view: View, args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> HttpResponse | None:
        """A page about what went wrong when nobody can tell whether the session is good; else nothing."""
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
            # Somebody of the pool is who they are by their tokens alone.
            if claims is None and isinstance(person, User) and not person.sub.startswith(LOCAL_PREFIX):
                session.forget(request)
        elif SESSION_KEY in request.session:
            session.forget(request)  # their row is gone
        return None


def _is_api(view: View) -> bool:
    kind = getattr(view, "cls", None)
    return isinstance(kind, type) and issubclass(kind, APIView)


def _view_flag(view: View, name: str) -> bool:
    return bool(getattr(getattr(view, "view_class", None), name, False))
