"""Pages of one's own account, which call Cognito with the person's access token."""

from typing import Any

from django import forms
from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import resolve_url

from accounts.browser import pending, session
from accounts.browser.forms import (
    ROLE_NAMES,
    ChangePasswordForm,
    CodeForm,
    DeleteForm,
    DetailsForm,
    EmailForm,
    EndMfaForm,
)
from accounts.browser.pages import OwnAccountPage, qr_code
from accounts.cognito.errors import AccountError
from accounts.cognito.results import Profile
from accounts.flows import challenges, own_account, passwords, sign_out
from accounts.tokens.roles import Role
from accounts.tokens.users import CognitoUser


class ProfilePage(OwnAccountPage):
    """Page with the profile, and links to all that can be changed."""

    template_name = "accounts/profile.html"
    form_class = DetailsForm

    def profile(self) -> Profile:
        """The profile at Cognito, read once per request."""
        if not hasattr(self, "_profile"):
            self._profile = own_account.profile(self.token)
        return self._profile

    def get_initial(self) -> dict[str, Any]:
        """The current values of the profile."""
        attributes = self.profile().attributes
        return {name: attributes.get(name, "") for name in ("name", "phone_number")}

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        """Adds e-mail address, roles and the state of TOTP."""
        roles = CognitoUser.from_claims(self.claims).roles
        return super().get_context_data(
            email=self.profile().attributes.get("email", ""),
            roles=[ROLE_NAMES.get(role, role.label) for role in reversed(Role) if role in roles],
            mfa="SOFTWARE_TOKEN_MFA" in self.profile().mfa,
            **kwargs,
        )

    def submit(self, values: dict[str, Any]) -> HttpResponse:
        """Change the attributes; an empty value removes one."""
        before = self.profile().attributes
        changed = {name: value or None for name, value in values.items() if value != before.get(name, "")}
        own_account.update_profile(self.request, self.token, changed)
        messages.success(self.request, "Your profile is saved.")
        return self.redirect_to("profile")


class EmailPage(OwnAccountPage):
    """Page that changes the e-mail address, which takes effect once verified."""

    template_name = "accounts/profile_email.html"
    form_class = EmailForm

    def submit(self, values: dict[str, Any]) -> HttpResponse:
        """Mail a code; the same response for an address of another account."""
        own_account.update_profile(self.request, self.token, {"email": values["email"]})
        messages.success(self.request, f"A code has been sent to {values['email']}.")
        return self.redirect_to("profile-email-verify")


class VerifyEmailPage(OwnAccountPage):
    """Page that verifies the new e-mail address by its code, or requests another code."""

    template_name = "accounts/profile_email_verify.html"
    form_class = CodeForm

    def post(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        """Verify, or with `resend` request another code."""
        if "resend" not in request.POST:
            return super().post(request, *args, **kwargs)
        try:
            own_account.send_email_code(request, self.token, self.claims)
        except AccountError as error:
            form = CodeForm(request.POST)
            form.errors.clear()
            return self.form_refused(form, error)
        messages.success(request, "If an address waits to be verified, a new code is on its way to it.")
        return self.redirect_to("profile-email-verify")

    def submit(self, values: dict[str, Any]) -> HttpResponse:
        """Verify the address and store it."""
        own_account.verify_email(self.request, self.token, self.claims, values["code"])
        email = own_account.profile(self.token).attributes.get("email", "")
        session.change_email(self.request, self.claims, email)
        messages.success(self.request, "Your new e-mail address is verified.")
        return self.redirect_to("profile")


class PasswordPage(OwnAccountPage):
    """Page that changes the password."""

    template_name = "accounts/profile_password.html"
    form_class = ChangePasswordForm

    def get_form_kwargs(self) -> dict[str, Any]:
        """Adds the password policy."""
        return {**super().get_form_kwargs(), "policy": passwords.policy_sentence()}

    def submit(self, values: dict[str, Any]) -> HttpResponse:
        """Change the password, which ends all sessions including this one."""
        current, new = values["current_password"], values["new_password"]
        passwords.change_password(self.request, self.token, self.claims, current, new)
        email = session.email_of(self.request)
        session.forget(self.request)
        pending.update(self.request, email=email)
        messages.success(self.request, "Your password is changed. Sign in with the new one.")
        return self.redirect_to("sign-in")


class MfaPage(OwnAccountPage):
    """Page that turns TOTP on or off."""

    template_name = "accounts/profile_mfa.html"

    def is_on(self) -> bool:
        """Whether TOTP is on, read once per request."""
        if not hasattr(self, "_is_on"):
            self._is_on = "SOFTWARE_TOKEN_MFA" in own_account.profile(self.token).mfa
        return self._is_on

    def post(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        """Submit the form, or with `begin` create a secret."""
        if "begin" not in request.POST:
            return super().post(request, *args, **kwargs)
        if not self.is_on():
            pending.update(request, mfa_secret=own_account.begin_mfa(self.token))
        return self.redirect_to("profile-mfa")

    def get_form_class(self) -> type[forms.Form]:
        """The form to turn TOTP off (password and code) or on (code)."""
        return EndMfaForm if self.is_on() else CodeForm

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        """Adds the new secret and its QR code during setup."""
        secret = None if self.is_on() else pending.get(self.request, "mfa_secret")
        further: dict[str, Any] = {}
        if secret is not None:
            url = challenges.otpauth_url(secret, session.email_of(self.request))
            further = {"secret": secret, "qr": qr_code(url)}
        return super().get_context_data(on=self.is_on(), **further, **kwargs)

    def submit(self, values: dict[str, Any]) -> HttpResponse:
        """Turn TOTP on or off."""
        if self.is_on():
            own_account.end_mfa(self.request, self.token, self.claims, **values)
            messages.success(self.request, "Signing in asks for no code any more.")
        else:
            own_account.finish_mfa(self.request, self.token, self.claims, **values)
            pending.clear(self.request)
            messages.success(self.request, "From now on, signing in asks for a code of your app.")
        return self.redirect_to("profile")


class SignOutEverywherePage(OwnAccountPage):
    """Page that ends all sessions of the person."""

    template_name = "accounts/profile_sign_out_everywhere.html"
    form_class = forms.Form

    def submit(self, values: dict[str, Any]) -> HttpResponse:
        """End all sessions including this one."""
        sign_out.sign_out_everywhere(self.token, self.claims)
        session.forget(self.request)
        messages.success(self.request, "You are signed out everywhere.")
        return self.redirect_to("sign-in")


class DeletePage(OwnAccountPage):
    """Page that deletes the account."""

    template_name = "accounts/profile_delete.html"
    form_class = DeleteForm

    def submit(self, values: dict[str, Any]) -> HttpResponse:
        """Delete the account at Cognito and its data here."""
        own_account.delete_account(self.request, self.token, self.claims, values["password"] or None)
        session.forget(self.request)
        messages.success(self.request, "Your account is deleted.")
        return HttpResponseRedirect(resolve_url("/"))
