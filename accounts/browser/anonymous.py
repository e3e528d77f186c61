"""The pages for people who are not signed in yet: sign-up, its confirmation, and a forgotten password.

They answer the same whether or not there is an account, as the API does.
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
    """A page that knows the address of the step before."""

    def get_initial(self) -> dict[str, Any]:
        """The address, so that nobody types it twice."""
        return {"email": pending.get(self.request, "email")}


class SignUpPage(FormPage):
    """A new account."""

    template_name = "accounts/sign_up.html"
    form_class = SignUpForm

    def get_form_kwargs(self) -> dict[str, Any]:
        """With the roles that a stranger may ask for."""
        return {**super().get_form_kwargs(), "roles": get_config().sign_up_roles, "policy": passwords.policy_sentence()}

    def submit(self, values: dict[str, Any]) -> HttpResponse:
        """Have a code mailed."""
        email = values["email"]
        attributes = {"name": values["name"]} if values["name"] else {}
        delivery = sign_up.sign_up(self.request, email, values["password"], values.get("role"), **attributes)
        pending.update(self.request, email=email)
        messages.success(self.request, f"A code has been sent to {delivery.destination}.")
        return self.redirect_to("confirm")


class ConfirmPage(EmailInitialMixin):
    """The code of a sign-up; another one may be asked for."""

    template_name = "accounts/confirm.html"
    form_class = ConfirmForm

    def post(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        """The code, or the wish for another."""
        if "resend" in request.POST:
            return self._resend(EmailForm(request.POST))
        return super().post(request, *args, **kwargs)

    def get_form_class(self) -> type[forms.Form]:
        """With a password where sign-up had none."""
        return ConfirmWithPasswordForm if "password" in self.request.POST else ConfirmForm

    def submit(self, values: dict[str, Any]) -> HttpResponse:
        """The account is theirs: on to the sign-in."""
        sign_up.confirm_sign_up(self.request, values["email"], values["code"], values.get("password"))
        pending.update(self.request, email=values["email"])
        messages.success(self.request, "Your account is confirmed. Sign in.")
        return self.redirect_to("sign-in")

    def form_refused(self, form: forms.Form, error: APIException) -> HttpResponse:
        """The form once more, with a field for a missing password; or the way to a reset, where one is required."""
        if isinstance(error, PasswordResetRequired):
            pending.update(self.request, email=form.cleaned_data["email"])
            messages.warning(self.request, str(error.detail))
            return self.redirect_to("forgot-password")
        if isinstance(error, PasswordMissing):
            form = ConfirmWithPasswordForm(self.request.POST)
            form.errors.clear()  # the empty field has its sentence from `error`
        return super().form_refused(form, error)

    def _resend(self, form: EmailForm) -> HttpResponse:
        if not form.is_valid():
            # The fields of the page, with the one thing that is wrong.
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
    """Have a code mailed for a new password."""

    template_name = "accounts/forgot_password.html"
    form_class = EmailForm

    def submit(self, values: dict[str, Any]) -> HttpResponse:
        """The same for every address."""
        passwords.forgot_password(self.request, values["email"])
        pending.update(self.request, email=values["email"])
        messages.success(self.request, "If there is an account with this address, a code is on its way.")
        return self.redirect_to("reset-password")


class ResetPasswordPage(EmailInitialMixin):
    """A new password with the code that was mailed."""

    template_name = "accounts/reset_password.html"
    form_class = ResetPasswordForm

    def get_form_kwargs(self) -> dict[str, Any]:
        """With the rules for passwords."""
        return {**super().get_form_kwargs(), "policy": passwords.policy_sentence()}

    def submit(self, values: dict[str, Any]) -> HttpResponse:
        """Every session there was has ended: on to the sign-in."""
        passwords.reset_password(self.request, values["email"], values["code"], values["new_password"])
        pending.update(self.request, email=values["email"])
        messages.success(self.request, "Your password is changed. Sign in with the new one.")
        return self.redirect_to("sign-in")
