"""The ways in and out: our own form and its challenges, Cognito's hosted pages, the emergency's form, sign-out."""

from collections.abc import Mapping
from typing import Any

from django import forms
from django.conf import settings
from django.contrib import messages
from django.contrib.auth import login
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase, HttpResponseRedirect
from django.shortcuts import resolve_url
from django.urls import reverse
from django.views import View
from rest_framework.exceptions import APIException

from accounts.browser import hosted, session, steps
from accounts.browser.forms import BreakGlassForm, ChooseForm, CodeForm, NewPasswordForm, SignInForm
from accounts.browser.pages import FormPage, address_of, go_on, next_path, qr_code
from accounts.browser.problems import failed
from accounts.browser.strangers import WithEmail
from accounts.cognito.results import Challenge, Tokens
from accounts.flows import challenges, passwords, sign_in
from accounts.models import LOCAL_PREFIX, User
from accounts.tokens.conf import get_config
from accounts.tokens.exceptions import (
    ChallengeExpired,
    PasswordResetRequired,
    UserNotConfirmed,
)

BREAK_GLASS_SECONDS = 3600

# Which page helps those who may not sign in yet.
_HELP: Mapping[type[APIException], str] = {UserNotConfirmed: "confirm", PasswordResetRequired: "forgot-password"}


def is_signed_in(request: HttpRequest) -> bool:
    """Whether somebody of the pool is signed in with this browser."""
    return session.claims_of(request) is not None and request.user.is_authenticated


class SignInStep(FormPage):
    """A step of a sign-in."""

    def lead_on(self, outcome: Tokens | Challenge, email: str) -> HttpResponse:
        """To the next question, or to where the person wanted to go."""
        if isinstance(outcome, Challenge):
            challenges.needed(outcome)
            steps.remember_challenge(self.request, outcome, email)
            return self.to("challenge")
        steps.forget(self.request)
        session.begin(self.request, outcome)
        return go_on(next_path(self.request))


class SignInPage(SignInStep, WithEmail):
    """E-mail address and password."""

    template_name = "accounts/sign_in.html"
    form_class = SignInForm

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        """Whoever is signed in already is led on."""
        if is_signed_in(request):
            return go_on(next_path(request))
        return super().dispatch(request, *args, **kwargs)

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        """With the way to Cognito's pages, where there is one."""
        return super().get_context_data(hosted=bool(get_config().domain), **kwargs)

    def done(self, values: dict[str, Any]) -> HttpResponse:
        """Ask Cognito."""
        email = values["email"]
        return self.lead_on(sign_in.sign_in(self.request, email, values["password"]), email)

    def refused(self, form: forms.Form, error: APIException) -> HttpResponse:
        """The form once more, or the page that helps."""
        helpful = _HELP.get(type(error))
        if helpful is None:
            return super().refused(form, error)
        steps.remember(self.request, email=form.cleaned_data["email"])
        messages.warning(self.request, str(error.detail))
        return self.to(helpful)


class ChallengePage(SignInStep):
    """What Cognito wants to see before it lets somebody in: a new password, a code, an app set up, a choice."""

    template_name = "accounts/challenge.html"

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        """The question, or the beginning of the sign-in when there is none."""
        self.handle: str | None = steps.recall(request, "handle")
        if self.handle is None:
            return self.to("sign-in")
        self.name: str = steps.recall(request, "challenge")
        self.shown: dict[str, Any] = steps.recall(request, "shown")
        return super().dispatch(request, *args, **kwargs)

    def get_form_class(self) -> type[forms.Form]:
        """The form for this challenge."""
        return {"NEW_PASSWORD_REQUIRED": NewPasswordForm, "SELECT_MFA_TYPE": ChooseForm}.get(self.name, CodeForm)

    def get_form_kwargs(self) -> dict[str, Any]:
        """With the rules for passwords, or what there is to choose from."""
        form = self.get_form_class()
        further: dict[str, Any] = {}
        if form is NewPasswordForm:
            further = {"policy": passwords.policy_sentence()}
        elif form is ChooseForm:
            further = {"choices": self.shown.get("choices", ())}
        return {**super().get_form_kwargs(), **further}

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        """What the person has to know."""
        qr = qr_code(self.shown["otpauth_url"]) if "otpauth_url" in self.shown else None
        return super().get_context_data(challenge=self.name, shown=self.shown, qr=qr, **kwargs)

    def done(self, values: dict[str, Any]) -> HttpResponse:
        """Show Cognito the answer."""
        challenge, email = challenges.opened(self.handle or "")
        (answer,) = values.values()
        return self.lead_on(sign_in.answer_challenge(self.request, challenge, answer), email)

    def refused(self, form: forms.Form, error: APIException) -> HttpResponse:
        """The form once more, or the beginning when it took too long."""
        if not isinstance(error, ChallengeExpired):
            return super().refused(form, error)
        email = steps.recall(self.request, "email")
        steps.forget(self.request)
        steps.remember(self.request, email=email)
        messages.warning(self.request, str(error.detail))
        return self.to("sign-in")


class HostedView(View):
    """To Cognito's pages."""

    def get(self, request: HttpRequest) -> HttpResponse:
        """A redirect, unless somebody is signed in already."""
        if not get_config().domain:
            raise Http404
        if is_signed_in(request):
            return go_on(next_path(request))
        url, attempt = hosted.begin(_callback(request))
        steps.remember_attempt(request, attempt, next_path(request))
        return _unkept(HttpResponseRedirect(url))


class HostedCallbackView(View):
    """Back from Cognito's pages. Whatever is wrong with that, one calm page says so."""

    def get(self, request: HttpRequest) -> HttpResponse:
        """Sign in whoever Cognito says it is; each attempt counts once."""
        if not get_config().domain:
            raise Http404
        kept = steps.take_attempt(request, request.GET.get("state", ""))
        code = request.GET.get("code", "")
        next_ = kept[1] if kept else ""
        try:
            if kept is None or not code or "error" in request.GET:
                raise hosted.HostedSignInFailed
            tokens = hosted.finish(_callback(request), code, kept[0])
            session.begin(request, sign_in.signed_in_elsewhere(tokens), hosted=True)
        except APIException as error:
            return failed(request, error, again=address_of("sign-in", next_))
        return _unkept(go_on(next_))


class SignOutView(View):
    """The end of a session: ours, its tokens, and Cognito's own when its pages were the way in."""

    http_method_names = ("post",)
    outlives_session = True  # nobody is kept from leaving because Cognito does not answer

    def post(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        """Home, by way of Cognito if need be."""
        home = resolve_url(settings.LOGOUT_REDIRECT_URL)
        was_hosted = session.is_hosted(request) and get_config().domain
        session.end(request)
        messages.success(request, "You are signed out.")
        return _unkept(
            HttpResponseRedirect(hosted.logout_url(request.build_absolute_uri(home)) if was_hosted else home)
        )


class BreakGlassPage(FormPage):
    """The admin for the day Cognito is out of reach: a local superuser of `manage.py break_glass`, for one hour.

    There is no such page while there is no such superuser.
    """

    template_name = "accounts/break_glass.html"
    form_class = BreakGlassForm

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        """The form, if there is anybody who may use it."""
        if not User.objects.filter(sub__startswith=LOCAL_PREFIX, is_superuser=True, is_active=True).exists():
            raise Http404
        return super().dispatch(request, *args, **kwargs)

    def done(self, values: dict[str, Any]) -> HttpResponse:
        """A session of BREAK_GLASS_SECONDS."""
        person = sign_in.break_glass(self.request, **values)
        session.forget(self.request)
        login(self.request, person)
        self.request.session.set_expiry(BREAK_GLASS_SECONDS)
        return HttpResponseRedirect(reverse("admin:index"))


def _callback(request: HttpRequest) -> str:
    return request.build_absolute_uri(reverse("accounts:hosted-callback"))


def _unkept(response: HttpResponseRedirect) -> HttpResponseRedirect:
    response["Cache-Control"] = "private, no-store"
    return response
