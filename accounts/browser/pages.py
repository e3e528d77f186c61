"""Base classes and helpers of form pages: `next`, redirects, errors."""

import base64
from collections.abc import Callable
from typing import Any
from urllib.parse import urlencode

import segno
from django import forms
from django.conf import settings
from django.contrib import messages
from django.contrib.auth.views import redirect_to_login
from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.http import HttpRequest, HttpResponse, HttpResponseBase, HttpResponseRedirect
from django.shortcuts import resolve_url
from django.urls import reverse
from django.utils.cache import patch_cache_control
from django.utils.http import url_has_allowed_host_and_scheme
from django.views.generic import FormView, View
from rest_framework.exceptions import APIException

from accounts.browser import session
from accounts.browser.problems import add_error, error_page, with_retry_after
from accounts.cognito.errors import AccountError, TokenEnded
from accounts.tokens.verifier import Claims

OWN_ACCOUNT_SCOPE = "aws.cognito.signin.user.admin"


def next_path(request: HttpRequest) -> str:
    """The `next` parameter if it is a path of this site, else an empty string."""
    wanted = request.POST.get("next") or request.GET.get("next") or ""
    local = wanted.startswith("/") and url_has_allowed_host_and_scheme(
        wanted, {request.get_host()}, require_https=request.is_secure()
    )
    return wanted if local else ""


def page_url(name: str, next_: str = "") -> str:
    """The path of an account page, with `next_` as its parameter."""
    query = f"?{urlencode({'next': next_})}" if next_ else ""
    return reverse(f"accounts:{name}") + query


def redirect_to_next(next_: str) -> HttpResponseRedirect:
    """Redirect to `next_`, else to LOGIN_REDIRECT_URL."""
    return HttpResponseRedirect(next_ or resolve_url(settings.LOGIN_REDIRECT_URL))


def qr_code(text: str) -> str:
    """A QR code as a data URL of an SVG; dark on white in every theme, as readers require."""
    svg = segno.make(text, error="m").svg_inline(scale=5, border=3, dark="#000", light="#fff", omitsize=False)
    # svg_inline omits the XML namespace, which a separate image needs.
    document = svg.replace("<svg ", '<svg xmlns="http://www.w3.org/2000/svg" ', 1)
    return "data:image/svg+xml;base64," + base64.b64encode(document.encode()).decode()


class WithoutTransaction(View):
    """A view outside ATOMIC_REQUESTS: a revocation is committed at once, not rolled back with a failed answer."""

    @classmethod
    def as_view(cls, **initkwargs: Any) -> Callable[..., HttpResponseBase]:
        """The view function, without a transaction around it."""
        return transaction.non_atomic_requests(super().as_view(**initkwargs))


class FormPage(WithoutTransaction, FormView):  # type: ignore[type-arg]
    """Page with one form, which shows the errors of the flows."""

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        """The response, not cached."""
        response = super().dispatch(request, *args, **kwargs)
        patch_cache_control(response, private=True, no_store=True)
        return response

    def form_valid(self, form: forms.Form) -> HttpResponse:
        """Submit the valid form; show the form again on an error."""
        try:
            return self.submit(form.cleaned_data)
        except APIException as error:
            return self.form_refused(form, error)

    def submit(self, values: dict[str, Any]) -> HttpResponse:
        """Carry out the action of the form. Raises AccountError."""
        raise NotImplementedError

    def form_refused(self, form: forms.Form, error: APIException) -> HttpResponse:
        """The form with the error."""
        status = add_error(form, error)
        return with_retry_after(self.render_to_response(self.get_context_data(form=form), status=status), error)

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        """Adds the `next` path."""
        return super().get_context_data(next=next_path(self.request), **kwargs)

    def redirect_to(self, name: str) -> HttpResponseRedirect:
        """Redirect to another account page, with the same `next`."""
        return HttpResponseRedirect(page_url(name, next_path(self.request)))


class OwnAccountPage(FormPage):
    """Page about one's own account, for signed-in users of the pool."""

    claims: Claims
    token: str

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        """The page; a redirect to the sign-in for visitors; an error page while Cognito is unavailable."""
        claims = session.claims_of(request)
        if claims is None or not request.user.is_authenticated:
            if request.user.is_authenticated:
                raise PermissionDenied  # a break-glass superuser, who has no account in Cognito
            return redirect_to_login(request.get_full_path())
        if OWN_ACCOUNT_SCOPE not in claims.scopes:
            raise PermissionDenied
        self.claims, self.token = claims, session.access_token_of(request) or ""
        try:
            return super().dispatch(request, *args, **kwargs)
        except TokenEnded:
            return self._ended(request)
        except AccountError as error:
            return error_page(request, error)

    def form_refused(self, form: forms.Form, error: APIException) -> HttpResponse:
        """The form with the error, or a redirect to the sign-in when Cognito has ended the session."""
        return self._ended(self.request) if isinstance(error, TokenEnded) else super().form_refused(form, error)

    def _ended(self, request: HttpRequest) -> HttpResponse:
        session.forget(request)
        messages.warning(request, "Your sign-in has ended. Sign in again.")
        return redirect_to_login(request.get_full_path())
