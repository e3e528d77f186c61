"""What do all pages with a form have in common? Where they lead on, and what becomes of an error."""

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
    """Where the person wanted to go: a path of ours, or nothing."""
    wanted = request.POST.get("next") or request.GET.get("next") or ""
    local = wanted.startswith("/") and url_has_allowed_host_and_scheme(
        wanted, {request.get_host()}, require_https=request.is_secure()
    )
    return wanted if local else ""


def page_url(name: str, next_: str = "") -> str:
    """The path of a page here, which leads on to `next_`."""
    query = f"?{urlencode({'next': next_})}" if next_ else ""
    return reverse(f"accounts:{name}") + query


def redirect_to_next(next_: str) -> HttpResponseRedirect:
    """To where somebody wanted to go, else to the beginning."""
    return HttpResponseRedirect(next_ or resolve_url(settings.LOGIN_REDIRECT_URL))


def qr_code(text: str) -> str:
    """A QR code as the address of an image: an SVG, dark on white in any theme, which readers need."""
    svg = segno.make(text, error="m").svg_inline(scale=5, border=3, dark="#000", light="#fff", omitsize=False)
    # svg_inline leaves the name space out, without which an image of its own is none.
    document = svg.replace("<svg ", '<svg xmlns="http://www.w3.org/2000/svg" ', 1)
    return "data:image/svg+xml;base64," + base64.b64encode(document.encode()).decode()


class WithoutTransaction(View):
    """A view outside ATOMIC_REQUESTS: a revocation is committed at once, not rolled back with a failed answer."""

    @classmethod
    def as_view(cls, **initkwargs: Any) -> Callable[..., HttpResponseBase]:
        """The view function, without a transaction around it."""
        return transaction.non_atomic_requests(super().as_view(**initkwargs))


class FormPage(WithoutTransaction, FormView):  # type: ignore[type-arg]
    """A page with one form. What Cognito refuses is said in the form."""

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        """The answer, which no cache keeps."""
        response = super().dispatch(request, *args, **kwargs)
        patch_cache_control(response, private=True, no_store=True)
        return response

    def form_valid(self, form: forms.Form) -> HttpResponse:
        """What comes of a form that is filled in well."""
        try:
            return self.submit(form.cleaned_data)
        except APIException as error:
            return self.form_refused(form, error)

    def submit(self, values: dict[str, Any]) -> HttpResponse:
        """Do what the form asks, and lead on. Raises AccountError."""
        raise NotImplementedError

    def form_refused(self, form: forms.Form, error: APIException) -> HttpResponse:
        """The form once more, with what is wrong."""
        status = add_error(form, error)
        return with_retry_after(self.render_to_response(self.get_context_data(form=form), status=status), error)

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        """The form, and where it leads on."""
        return super().get_context_data(next=next_path(self.request), **kwargs)

    def redirect_to(self, name: str) -> HttpResponseRedirect:
        """On to another page of ours, which knows where this one was to lead."""
        return HttpResponseRedirect(page_url(name, next_path(self.request)))


class OwnAccountPage(FormPage):
    """A page about one's own account, for people of the pool who are signed in."""

    claims: Claims
    token: str

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        """The page; the way to sign in for visitors; what is wrong when Cognito does not answer."""
        claims = session.claims_of(request)
        if claims is None or not request.user.is_authenticated:
            if request.user.is_authenticated:
                raise PermissionDenied  # a break-glass superuser: Cognito knows nothing of them
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
        """The form once more; the way to sign in when Cognito has ended the session."""
        return self._ended(self.request) if isinstance(error, TokenEnded) else super().form_refused(form, error)

    def _ended(self, request: HttpRequest) -> HttpResponse:
        session.forget(request)
        messages.warning(request, "Your sign-in has ended. Sign in again.")
        return redirect_to_login(request.get_full_path())
