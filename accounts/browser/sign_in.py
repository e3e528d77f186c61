"""Pages of sign-in and sign-out: form and challenges, hosted sign-in, break-glass sign-in, sign-out."""

from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

from django import forms
from django.conf import settings
from django.contrib import messages
from django.contrib.auth import login
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase, HttpResponseRedirect
from django.shortcuts import render, resolve_url
from django.urls import Resolver404, resolve, reverse
from django.views import View
from rest_framework.exceptions import APIException

from accounts import user_rows
from accounts.browser import hosted, pending, session
from accounts.browser.anonymous import EmailInitialMixin
from accounts.browser.forms import BreakGlassForm, ChooseForm, CodeForm, NewPasswordForm, SignInForm
from accounts.browser.pages import FormPage, WithoutTransaction, next_path, page_url, qr_code, redirect_to_next
from accounts.browser.problems import error_page
from accounts.cognito.errors import ChallengeExpired, PasswordResetRequired, UserNotConfirmed
from accounts.cognito.results import Challenge, Tokens
from accounts.flows import challenges, passwords, sign_in
from accounts.models import LOCAL_PREFIX, User
from accounts.tokens.conf import get_config

BREAK_GLASS_SECONDS = 3600

# The page to continue with, by the error of the sign-in.
_HELP: Mapping[type[APIException], str] = {UserNotConfirmed: "confirm", PasswordResetRequired: "forgot-password"}


def is_signed_in(request: HttpRequest) -> bool:
    """Whether a user of the pool is signed in with this browser."""
    return session.claims_of(request) is not None and request.user.is_authenticated


class SignInStep(FormPage):
    """Base class of the pages of a sign-in."""

    def next_step(self, outcome: Tokens | Challenge, email: str) -> HttpResponse:
        """Redirect to the next challenge, or begin the session and redirect to `next`."""
        if isinstance(outcome, Challenge):
            challenges.expected_answer(outcome)
            pending.set_challenge(self.request, outcome, email)
            return self.redirect_to("challenge")
        pending.clear(self.request)
        session.begin(self.request, outcome)
        return redirect_to_next(next_path(self.request))


class SignInPage(SignInStep, EmailInitialMixin):
    """Page for e-mail address and password."""

    template_name = "accounts/sign_in.html"
    form_class = SignInForm

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        """Redirect people who are signed in to `next`."""
        if is_signed_in(request):
            next_ = next_path(request)
            if _is_of_admin(next_) and not (request.user.is_active and request.user.is_staff):
                # A project may redirect /admin/login/ to this page: the admin would send them back here.
                return render(request, "accounts/no_administrator.html", status=403)
            return redirect_to_next(next_)
        return super().dispatch(request, *args, **kwargs)

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        """Adds whether hosted sign-in is configured."""
        return super().get_context_data(hosted=bool(get_config().domain), **kwargs)

    def submit(self, values: dict[str, Any]) -> HttpResponse:
        """Sign in with the credentials."""
        email = values["email"]
        return self.next_step(sign_in.sign_in(self.request, email, values["password"]), email)

    def form_refused(self, form: forms.Form, error: APIException) -> HttpResponse:
        """The form with the error, or a redirect to confirmation or password reset."""
        helpful = _HELP.get(type(error))
        if helpful is None:
            return super().form_refused(form, error)
        pending.update(self.request, email=form.cleaned_data["email"])
        messages.warning(self.request, str(error.detail))
        return self.redirect_to(helpful)


class ChallengePage(SignInStep):
    """Page of a challenge: a new password, a code, TOTP setup, or the choice of an MFA method."""

    template_name = "accounts/challenge.html"

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        """The challenge; a redirect to the sign-in page if there is none."""
        self.handle: str | None = pending.get(request, "handle")
        if self.handle is None:
            return self.redirect_to("sign-in")
        self.name: str = pending.get(request, "challenge")
        self.shown: dict[str, Any] = pending.get(request, "shown")
        return super().dispatch(request, *args, **kwargs)

    def get_form_class(self) -> type[forms.Form]:
        """The form for this challenge."""
        return {"NEW_PASSWORD_REQUIRED": NewPasswordForm, "SELECT_MFA_TYPE": ChooseForm}.get(self.name, CodeForm)

    def get_form_kwargs(self) -> dict[str, Any]:
        """Adds the password policy, or the MFA methods to choose from."""
        form = self.get_form_class()
        further: dict[str, Any] = {}
        if form is NewPasswordForm:
            further = {"policy": passwords.policy_sentence()}
        elif form is ChooseForm:
            further = {"choices": self.shown.get("choices", ())}
        return {**super().get_form_kwargs(), **further}

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        """Adds the parameters of the challenge and a QR code."""
        qr = qr_code(self.shown["otpauth_url"]) if "otpauth_url" in self.shown else None
        return super().get_context_data(challenge=self.name, shown=self.shown, qr=qr, **kwargs)

    def submit(self, values: dict[str, Any]) -> HttpResponse:
        """Respond to the challenge."""
        challenge, email = challenges.decrypted(self.handle or "")
        (answer,) = values.values()
        return self.next_step(sign_in.answer_challenge(self.request, challenge, answer), email)

    def form_refused(self, form: forms.Form, error: APIException) -> HttpResponse:
        """The form with the error, or a redirect to the sign-in page for an expired challenge."""
        if not isinstance(error, ChallengeExpired):
            return super().form_refused(form, error)
        email = pending.get(self.request, "email")
        pending.clear(self.request)
        pending.update(self.request, email=email)
        messages.warning(self.request, str(error.detail))
        return self.redirect_to("sign-in")


class HostedView(View):
    """Redirect to Cognito's hosted sign-in."""

    def get(self, request: HttpRequest) -> HttpResponse:
        """Begin a hosted sign-in; people who are signed in go to `next`."""
        if not get_config().domain:
            raise Http404
        if is_signed_in(request):
            return redirect_to_next(next_path(request))
        url, attempt = hosted.begin(_callback(request))
        pending.set_attempt(request, attempt, next_path(request))
        return _uncached(HttpResponseRedirect(url))


class HostedCallbackView(View):
    """Callback of the hosted sign-in. Every failure has the same error page."""

    def get(self, request: HttpRequest) -> HttpResponse:
        """Complete the hosted sign-in; each attempt is valid once."""
        if not get_config().domain:
            raise Http404
        kept = pending.pop_attempt(request, request.GET.get("state", ""))
        code = request.GET.get("code", "")
        next_ = kept[1] if kept else ""
        try:
            if kept is None or not code or "error" in request.GET:
                raise hosted.HostedSignInFailed
            tokens = hosted.finish(_callback(request), code, kept[0])
            session.begin(request, sign_in.complete_hosted_sign_in(tokens), hosted=True)
        except APIException as error:
            return error_page(request, error, again=page_url("sign-in", next_))
        return _uncached(redirect_to_next(next_))


class SignOutView(WithoutTransaction, View):
    """Sign-out: our session, its tokens, and Cognito's session after a hosted sign-in."""

    http_method_names = ("post",)
    outlives_session = True  # signing out works while Cognito is unavailable

    def post(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        """End the session and redirect home, via Cognito's logout endpoint after a hosted sign-in."""
        home = resolve_url(settings.LOGOUT_REDIRECT_URL or "/")
        was_hosted = session.is_hosted(request) and get_config().domain
        session.end(request)
        messages.success(request, "You are signed out.")
        return _uncached(
            HttpResponseRedirect(hosted.logout_url(request.build_absolute_uri(home)) if was_hosted else home)
        )


class BreakGlassPage(FormPage):
    """Sign-in of a local superuser of `manage.py break_glass` to the admin, for BREAK_GLASS_SECONDS.

    404 while there is no such superuser, as always with a project's own user model.
    """

    template_name = "accounts/break_glass.html"
    form_class = BreakGlassForm

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        """The form, or 404."""
        if not (
            user_rows.is_ours()
            and User.objects.filter(sub__startswith=LOCAL_PREFIX, is_superuser=True, is_active=True).exists()
        ):
            raise Http404
        return super().dispatch(request, *args, **kwargs)

    def submit(self, values: dict[str, Any]) -> HttpResponse:
        """Begin the session of the superuser."""
        person = sign_in.break_glass(self.request, **values)
        session.forget(self.request)
        login(self.request, person)
        self.request.session.set_expiry(BREAK_GLASS_SECONDS)
        return HttpResponseRedirect(reverse("admin:index"))


def _is_of_admin(path: str) -> bool:
    try:
        return "admin" in resolve(urlsplit(path).path).app_names
    except Resolver404:
        return False


def _callback(request: HttpRequest) -> str:
    return request.build_absolute_uri(reverse("accounts:hosted-callback"))


def _uncached(response: HttpResponseRedirect) -> HttpResponseRedirect:
    response["Cache-Control"] = "private, no-store"
    return response
