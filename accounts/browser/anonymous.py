"""Pages for anonymous visitors: sign-up, its confirmation, and password reset.

Responses do not reveal whether an account exists, as in the API.
"""

from typing import Any

from django import forms
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from rest_framework.exceptions import APIException

from accounts.browser import pending
from accounts.browser.forms import (
    ConfirmForm,
    ConfirmWithPasswordForm,
    EmailForm,
    ResetPasswordForm,
    SignUpForm,
)
from accounts.browser.pages import FormPage
from accounts.cognito.errors import AccountError, PasswordMissing, PasswordResetRequired
from accounts.flows import passwords, sign_up
from accounts.tokens.conf import get_config


class EmailInitialMixin(FormPage):
    """Mixin that fills in the e-mail address of the previous page."""

    def get_initial(self) -> dict[str, Any]:
        """The e-mail address of the flow."""
        return {"email": pending.get(self.request, "email")}


class SignUpPage(FormPage):
    """Page that creates an account."""

    template_name = "accounts/sign_up.html"
    form_class = SignUpForm

    def get_form_kwargs(self) -> dict[str, Any]:
        """Adds the roles open to sign-up, and the password policy."""
        return {**super().get_form_kwargs(), "roles": get_config().sign_up_roles, "policy": passwords.policy_sentence()}

    def submit(self, values: dict[str, Any]) -> HttpResponse:
        """Create the account; Cognito mails a code."""
        email = values["email"]
        attributes = {"name": values["name"]} if values["name"] else {}
        delivery = sign_up.sign_up(self.request, email, values["password"], values.get("role"), **attributes)
        pending.update(self.request, email=email)
        messages.success(self.request, f"A code has been sent to {delivery.destination}.")
        return self.redirect_to("confirm")


class ConfirmPage(EmailInitialMixin):
    """Page that confirms a sign-up with its code, or requests another code."""

    template_name = "accounts/confirm.html"
    form_class = ConfirmForm

    def post(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        """Confirm, or with `resend` request another code."""
        if "resend" in request.POST:
            return self._resend(EmailForm(request.POST))
        return super().post(request, *args, **kwargs)

    def get_form_class(self) -> type[forms.Form]:
        """The form with a password field, if the sign-up requires one."""
        return ConfirmWithPasswordForm if "password" in self.request.POST else ConfirmForm

    def submit(self, values: dict[str, Any]) -> HttpResponse:
        """Confirm the account and redirect to the sign-in page."""
        sign_up.confirm_sign_up(self.request, values["email"], values["code"], values.get("password"))
        pending.update(self.request, email=values["email"])
        messages.success(self.request, "Your account is confirmed. Sign in.")
        return self.redirect_to("sign-in")

    def form_refused(self, form: forms.Form, error: APIException) -> HttpResponse:
        """The form with the error and a field for a missing password, or a redirect to a required password reset."""
        if isinstance(error, PasswordResetRequired):
            pending.update(self.request, email=form.cleaned_data["email"])
            messages.warning(self.request, str(error.detail))
            return self.redirect_to("forgot-password")
        if isinstance(error, PasswordMissing):
            form = ConfirmWithPasswordForm(self.request.POST)
            form.errors.clear()  # `error` has the sentence for the empty field
        return super().form_refused(form, error)

    def _resend(self, form: EmailForm) -> HttpResponse:
        if not form.is_valid():
            # Only the error of the e-mail address concerns this request.
            shown = ConfirmForm(self.request.POST)
            for name in set(shown.errors) - {"email"}:
                del shown.errors[name]
            return self.form_invalid(shown)
        email = form.cleaned_data["email"]
        try:
            sign_up.resend_code(self.request, email)
        except AccountError as error:
            shown = ConfirmForm(self.request.POST)
            shown.errors.clear()
            return super().form_refused(shown, error)
        pending.update(self.request, email=email)
        messages.success(self.request, "If an account waits to be confirmed, a new code is on its way.")
        return self.redirect_to("confirm")


class ForgotPasswordPage(EmailInitialMixin):
    """Page that requests a code for a password reset."""

    template_name = "accounts/forgot_password.html"
    form_class = EmailForm

    def submit(self, values: dict[str, Any]) -> HttpResponse:
        """Request the code; the same response for every address."""
        passwords.forgot_password(self.request, values["email"])
        pending.update(self.request, email=values["email"])
        messages.success(self.request, "If there is an account with this address, a code is on its way.")
        return self.redirect_to("reset-password")


class ResetPasswordPage(EmailInitialMixin):
    """Page that sets a new password with the mailed code."""

    template_name = "accounts/reset_password.html"
    form_class = ResetPasswordForm

    def get_form_kwargs(self) -> dict[str, Any]:
        """Adds the password policy."""
        return {**super().get_form_kwargs(), "policy": passwords.policy_sentence()}

    def submit(self, values: dict[str, Any]) -> HttpResponse:
        """Set the password, which ends all sessions, and redirect to the sign-in page."""
        passwords.reset_password(self.request, values["email"], values["code"], values["new_password"])
        pending.update(self.request, email=values["email"])
        messages.success(self.request, "Your password is changed. Sign in with the new one.")
        return self.redirect_to("sign-in")
